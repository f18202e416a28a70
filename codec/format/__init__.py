"""The `.fgvc` file: its values, their bytes, reading, writing, describing (docs/format.md)."""
