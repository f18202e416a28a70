"""Video in and out through PyAV: frames upright in RGB with exact timestamps, audio as packets."""

from codec.format.records import AudioPacket
from codec.video.info import AudioInfo, Colour, Orientation, VideoInfo, coding_size, probe
from codec.video.reader import Frame, VideoReader
from codec.video.scaling import scaled_picture
from codec.video.sound.track import Audio, AudioMode, AudioTrack, read_audio
from codec.video.timeline import Timeline, read_timeline
from codec.video.writer import VideoWriter, holders

__all__ = [
    "Audio",
    "AudioInfo",
    "AudioMode",
    "AudioPacket",
    "AudioTrack",
    "Colour",
    "Frame",
    "Orientation",
    "Timeline",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "coding_size",
    "holders",
    "probe",
    "read_audio",
    "read_timeline",
    "scaled_picture",
]
