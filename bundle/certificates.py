"""Run by a packaged application before its own code: HTTPS finds certificates on systems laid out differently.

OpenSSL looks where the machine that built the bundle keeps them; where nothing is there, certifi's list serves.
"""

import os
import ssl

import certifi

_places = ssl.get_default_verify_paths()
if _places.cafile is None and _places.capath is None:
    os.environ["SSL_CERT_FILE"] = certifi.where()
