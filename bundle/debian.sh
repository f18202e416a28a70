#!/usr/bin/env bash
# A Debian package of the bundle that `pyinstaller freegvc.spec` has made:
#     bash bundle/debian.sh [dist/freegvc] [OUT]
# /opt/freegvc holds it; the two programs, a starter and the icon are linked from where a desktop looks for them.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bundle=$(realpath "${1:-$here/dist/freegvc}")
out=$(realpath "${2:-$here/dist}")
version=$("$bundle/freegvc-cli" --version | awk '{ sub(/\.dev/, "~dev", $2); print $2 }')
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/DEBIAN" "$root/opt" "$root/usr/bin" "$root/usr/share/applications" \
    "$root/usr/share/icons/hicolor/scalable/apps" "$root/usr/share/doc/freegvc"
# Hard links where the file system has them: nothing is written twice.
cp -al "$bundle" "$root/opt/freegvc" 2>/dev/null || cp -a "$bundle" "$root/opt/freegvc"
ln -s /opt/freegvc/freegvc-cli "$root/usr/bin/freegvc"
ln -s /opt/freegvc/freegvc-gui "$root/usr/bin/freegvc-gui"
cp "$here/resources/icons/app.svg" "$root/usr/share/icons/hicolor/scalable/apps/freegvc.svg"
cat "$here/NOTICE" "$here/LICENSE" >"$root/usr/share/doc/freegvc/copyright"
cat >"$root/usr/share/applications/freegvc.desktop" <<'DESKTOP'
[Desktop Entry]
Type=Application
Name=Free-GVC
Comment=Compress video to extremely low bitrates
Exec=freegvc-gui %F
Icon=freegvc
Categories=AudioVideo;Video;
MimeType=video/mp4;video/x-matroska;video/webm;
DESKTOP
cat >"$root/DEBIAN/control" <<CONTROL
Package: freegvc
Version: $version
Architecture: $architecture
Maintainer: Free-GVC contributors <noreply@example.org>
Section: video
Priority: optional
Installed-Size: $(du -sk "$root/opt" | cut -f 1)
Depends: libc6, libgl1, libegl1, libxcb-cursor0
Description: video compression with a diffusion prior
 A window and the command freegvc, which compress video to extremely low
 bitrates with a pretrained video diffusion model.
CONTROL
dpkg-deb --root-owner-group -Zxz -z"${XZ_LEVEL:-6}" --build "$root" "$out/freegvc_${version}_$architecture.deb"
