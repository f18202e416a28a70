"""Where training material comes from: origins and licences, camera moves over photos."""
