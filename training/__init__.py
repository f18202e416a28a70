"""How the pocket prior and the bundled metric were trained. Not shipped with the app."""
