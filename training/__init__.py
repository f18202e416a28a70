"""How the pocket prior and the bundled metric were trained, a room for each network. Not shipped with the app."""
