"""From frames to records: cutting, planning, coding GOPs, feeding sound, going on after an interruption."""
