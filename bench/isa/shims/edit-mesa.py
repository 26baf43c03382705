#!/usr/bin/env python3
"""Edits Mesa's source, unpacked in the folder given, so that its kernel shims serve newer drivers and cards.

Each edit is refused where its place is not found: another version of Mesa needs another edit.
"""
import pathlib
import sys

SOURCE = pathlib.Path(sys.argv[1])

# file: (text that is there, text that takes its place)
EDITS = {
    # otherwise the shims for AMD and NVIDIA are built beside their drivers alone
    "src/meson.build": [
        (
            "  subdir('drm-shim')\n",
            "  subdir('drm-shim')\n  inc_amd = include_directories('amd')\n"
            "  subdir('amd/drm-shim')\n  subdir('nouveau/drm-shim')\n",
        )
    ],
    # the version of the kernel interface that the driver of backports asks for
    "src/amd/drm-shim/amdgpu_noop_drm_shim.c": [("version_minor = 49;", "version_minor = 60;")],
    "src/nouveau/drm-shim/nouveau_noop.c": [
        # units of a large card, and sizes of memory, which the driver of backports asks for
        (
            "gp->value = 0x01000101;\n      return 0;\n",
            "gp->value = 0x0c002406;\n      return 0;\n"
            "   case 17:\n   case 18:\n   case 19:\n      gp->value = 3ULL << 30;\n      return 0;\n",
        ),
        # the classes of Ada beside those of Ampere
        ("case 0x170:\n      case 0x160:\n      case 0x140:", "case 0x190:\n      case 0x170:\n      case 0x160:\n      case 0x140:"),
        (
            "case 0x170:\n            sclass->sclass.oclass[idx].oclass = AMPERE_DMA_COPY_A;",
            "case 0x190:\n         case 0x170:\n            sclass->sclass.oclass[idx].oclass = AMPERE_DMA_COPY_A;",
        ),
        (
            "case 0x170:\n         sclass->sclass.oclass[idx].oclass = GA102_3D_CLASS;",
            "case 0x190:\n         sclass->sclass.oclass[idx].oclass = 0xc997;\n         break;\n"
            "      case 0x170:\n         sclass->sclass.oclass[idx].oclass = GA102_3D_CLASS;",
        ),
        (
            "case 0x170:\n         sclass->sclass.oclass[idx].oclass = GA102_COMPUTE_CLASS;",
            "case 0x190:\n         sclass->sclass.oclass[idx].oclass = 0xc9c0;\n         break;\n"
            "      case 0x170:\n         sclass->sclass.oclass[idx].oclass = GA102_COMPUTE_CLASS;",
        ),
    ],
}

for name, edits in EDITS.items():
    path = SOURCE / name
    text = path.read_text()
    for old, new in edits:
        if text.count(old) != 1:
            sys.exit(f"{name}: expected once, found {text.count(old)} times:\n{old}")
        text = text.replace(old, new)
    path.write_text(text)
