// GPUs that Mesa's drivers compile for while a shim plays the kernel: nothing is executed there.

export type Vendor = 'amd' | 'intel' | 'nvidia' | 'apple'

export interface Target {
  vendor: Vendor
  /** what people call it */
  name: string
  /** environment of a process that shall see it, with paths inside the root that setup.sh makes */
  environment: Record<string, string>
  /**
   * Compile without Dawn's bounds checks: Mesa's drivers for NVIDIA and Apple split each checked load of 16 bytes in four,
   * which the vendors' own drivers do not.
   */
  withoutChecks: boolean
}

const shim = (name: string): string => `/isa/shims/${name}.so`
const driver = (name: string): string => `/isa/drivers/${name}.json`

const amd = (chip: string, name: string): Target => ({
  vendor: 'amd',
  name,
  environment: {
    LD_PRELOAD: shim('libamdgpu_noop_drm_shim'),
    VK_DRIVER_FILES: driver('radeon'),
    AMDGPU_GPU_ID: chip,
    RADV_DEBUG: 'shaders,shaderstats,nocache',
    RADV_THREAD_COUNT: '1',
  },
  withoutChecks: false,
})

const intel = (chip: string, name: string): Target => ({
  vendor: 'intel',
  name,
  environment: {
    LD_PRELOAD: shim('libintel_noop_drm_shim'),
    VK_DRIVER_FILES: driver('intel'),
    INTEL_STUB_GPU_PLATFORM: chip,
    INTEL_DEBUG: 'cs',
  },
  withoutChecks: false,
})

const nvidia = (chipset: string, name: string): Target => ({
  vendor: 'nvidia',
  name,
  environment: {
    LD_PRELOAD: shim('libnouveau_noop_drm_shim'),
    VK_DRIVER_FILES: driver('nouveau'),
    NOUVEAU_CHIPSET: chipset,
    NAK_DEBUG: 'print,serial',
  },
  withoutChecks: true,
})

export const TARGETS = {
  'amd-navi31': amd('navi31', 'Radeon RX 7900 XTX'),
  'amd-navi21': amd('navi21', 'Radeon RX 6800'),
  'intel-tgl': intel('tgl', 'Iris Xe'),
  'intel-dg2': intel('dg2', 'Arc A770'),
  'intel-lnl': intel('lnl', 'Lunar Lake'),
  'nvidia-ga102': nvidia('172', 'GeForce RTX 30'),
  'nvidia-ad102': nvidia('192', 'GeForce RTX 40'),
  'apple-m1': {
    vendor: 'apple',
    name: 'M1',
    environment: {
      LD_PRELOAD: shim('libasahi_noop_drm_shim'),
      VK_DRIVER_FILES: driver('asahi'),
      AGX_MESA_DEBUG: 'shaders,shaderdb',
    },
    withoutChecks: true,
  },
} as const satisfies Record<string, Target>

export type TargetName = keyof typeof TARGETS

export const isTarget = (name: string): name is TargetName => Object.hasOwn(TARGETS, name)
