"""How many steps of its trajectory each GOP sends."""
