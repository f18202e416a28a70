"""Video in and out through PyAV: frames upright in RGB with exact timestamps, audio as packets."""

from codec.video.audio import Audio, AudioMode, AudioPacket, AudioTrack, read_audio
from codec.video.info import AudioInfo, Colour, Orientation, VideoInfo, coding_size, probe
from codec.video.reader import Frame, VideoReader
from codec.video.writer import VideoWriter

__all__ = [
    "Audio",
    "AudioInfo",
    "AudioMode",
    "AudioPacket",
    "AudioTrack",
    "Colour",
    "Frame",
    "Orientation",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "coding_size",
    "probe",
    "read_audio",
]
