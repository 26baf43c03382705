#!/usr/bin/env bash
# GPUs without hardware: Mesa's Vulkan drivers for AMD, Intel, NVIDIA and Apple above shims that play the kernel, in a
# folder that is the root of a Debian 13 of its own. Nothing is executed on them: they compile, no more.
#   npm run isa -- setup FOLDER       as root, on Debian or Ubuntu x64; 2 to 5 minutes, 1.5 GB
# Afterwards, to remove it: umount FOLDER/proc, then the folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mkdir -p "$1" && cd "$1" && pwd)
export DEBIAN_FRONTEND=noninteractive

need() { command -v "$1" >/dev/null || { echo "setup: needs $1: apt-get install $2" >&2; exit 1; }; }
need python3 python3
need apt-get apt
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends debootstrap; }

# the archive that this machine's own apt uses; a mirror of Debian
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 -E '/debian/?$' || true)
mirror=${ISA_MIRROR:-$mirror}
[ -n "$mirror" ] || { echo "setup: apt names no Debian archive here: give its address in ISA_MIRROR" >&2; exit 1; }
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror"
cat > "$root/etc/apt/sources.list" <<SOURCES
deb $mirror trixie main
deb $mirror trixie-backports main
deb-src $mirror trixie main
SOURCES
mkdir -p "$root/isa/drivers" "$root/isa/shims" "$root/isa/build"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }

inside apt-get update -qq
# the release's own drivers bring the libraries that those of backports need, which are unpacked beside them
inside apt-get install -qq -y --no-install-recommends mesa-vulkan-drivers libvulkan1 libdisplay-info2 \
  gcc g++ libc6-dev dpkg-dev meson ninja-build pkgconf bison flex python3-mako python3-yaml python3-packaging \
  libdrm-dev zlib1g-dev libzstd-dev libexpat1-dev >"$root/isa/apt.log"
inside bash -euc 'cd /isa/build && rm -rf ./* && apt-get download -qq mesa-vulkan-drivers/trixie-backports linux-libc-dev/trixie-backports
  dpkg -x mesa-vulkan-drivers_*.deb drivers && dpkg -x linux-libc-dev_*.deb headers
  apt-get source -qq --download-only --tar-only mesa/trixie && mkdir mesa && tar xf mesa_*.orig.tar.* -C mesa --strip-components=1'
for driver in radeon intel nouveau asahi; do
  sed 's#"library_path": "#&/isa/build/drivers/usr/lib/x86_64-linux-gnu/#' \
    "$root/isa/build/drivers/usr/share/vulkan/icd.d/${driver}_icd.json" > "$root/isa/drivers/$driver.json"
done

mesa=$root/isa/build/mesa
python3 "$here/shims/edit-mesa.py" "$mesa"
cp "$here/shims/asahi_noop.c" "$root"/isa/build/headers/usr/include/drm/{asahi_drm,drm,drm_mode}.h "$root/isa/build/"
none=$(printf -- '-D%s= ' gallium-drivers vulkan-drivers platforms video-codecs)
off=$(printf -- '-D%s=disabled ' glx egl gbm gles1 gles2 llvm valgrind libunwind)
inside bash -euc "cd /isa/build/mesa && meson setup out -Dtools=drm-shim,intel -Dopengl=false -Dbuildtype=release $none $off >/isa/meson.log
  ninja -C out src/amd/drm-shim/libamdgpu_noop_drm_shim.so src/nouveau/drm-shim/libnouveau_noop_drm_shim.so \
    src/intel/tools/libintel_noop_drm_shim.so >/isa/ninja.log"
# Mesa has a shim of its own for Apple's GPUs, of an older kernel interface than the driver of backports speaks
inside bash -euc 'cd /isa/build/mesa && gcc -O1 -fPIC -shared -w -D_GNU_SOURCE -DHAVE_PTHREAD=1 -DHAVE_STRUCT_TIMESPEC \
  -DHAVE_TIMESPEC_GET -DHAVE_SECURE_GETENV -I/isa/build -Isrc -Iinclude -I/usr/include/libdrm /isa/build/asahi_noop.c \
  -Wl,--whole-archive out/src/drm-shim/libdrm_shim.a -Wl,--no-whole-archive out/src/util/libmesa_util.a \
  $(find out/src -name "libmesa_util_*.a" -o -name libblake3.a) -ldrm -ldl -lm -lpthread -lz -lzstd \
  -o /isa/shims/libasahi_noop_drm_shim.so'
cp "$mesa"/out/src/{amd,nouveau}/drm-shim/*_drm_shim.so "$mesa/out/src/intel/tools/libintel_noop_drm_shim.so" "$root/isa/shims/"
echo "setup: ready; npm run isa -- counts $1"
