/* A kernel driver of Apple's M1 that only pretends, for Mesa's drm-shim: buffers can be made and mapped, work is accepted
 * and dropped. Interface of Linux 6.16 and later (asahi_drm.h). */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "asahi_drm.h"
#include "drm-shim/drm_shim.h"

bool drm_shim_driver_prefers_first_render_node = true;

static uint32_t handles = 0;

static int accept_and_drop(int fd, unsigned long request, void *arg)
{
   return 0;
}

static int get_params(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_get_params *get = arg;
   /* an M1 (T8103, "G13G") of 8 cores */
   struct drm_asahi_params_global params = {
      .features = DRM_ASAHI_FEATURE_SOFT_FAULTS,
      .gpu_generation = 13,
      .gpu_variant = 'G',
      .chip_id = 0x8103,
      .num_dies = 1,
      .num_clusters_total = 1,
      .num_cores_per_cluster = 8,
      .max_frequency_khz = 1278000,
      .vm_start = 0x4000,
      .vm_end = 0x7fffffc000ull,
      .vm_kernel_min_size = 0x100000000ull,
      .max_commands_per_submission = 64,
      .max_attachments = 16,
      .command_timestamp_frequency_hz = 24000000,
   };
   params.core_masks[0] = 0xff;
   size_t size = get->size < sizeof params ? get->size : sizeof params;
   memcpy((void *)(uintptr_t)get->pointer, &params, size);
   return 0;
}

static int vm_create(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_vm_create *create = arg;
   create->vm_id = ++handles;
   return 0;
}

static int queue_create(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_queue_create *create = arg;
   create->queue_id = ++handles;
   return 0;
}

static int gem_bind_object(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_gem_bind_object *bind = arg;
   bind->object_handle = ++handles;
   return 0;
}

static int gem_create(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_gem_create *create = arg;
   struct shim_bo *bo = calloc(1, sizeof *bo);
   drm_shim_bo_init(bo, create->size);
   create->handle = drm_shim_bo_get_handle(drm_shim_fd_lookup(fd), bo);
   drm_shim_bo_put(bo);
   return 0;
}

static int gem_mmap_offset(int fd, unsigned long request, void *arg)
{
   struct drm_asahi_gem_mmap_offset *map = arg;
   struct shim_fd *shim = drm_shim_fd_lookup(fd);
   struct shim_bo *bo = drm_shim_bo_lookup(shim, map->handle);
   map->offset = drm_shim_bo_get_mmap_offset(shim, bo);
   drm_shim_bo_put(bo);
   return 0;
}

static ioctl_fn_t ioctls[] = {
   [DRM_ASAHI_GET_PARAMS] = get_params,
   [DRM_ASAHI_GET_TIME] = accept_and_drop,
   [DRM_ASAHI_VM_CREATE] = vm_create,
   [DRM_ASAHI_VM_DESTROY] = accept_and_drop,
   [DRM_ASAHI_VM_BIND] = accept_and_drop,
   [DRM_ASAHI_GEM_CREATE] = gem_create,
   [DRM_ASAHI_GEM_MMAP_OFFSET] = gem_mmap_offset,
   [DRM_ASAHI_GEM_BIND_OBJECT] = gem_bind_object,
   [DRM_ASAHI_QUEUE_CREATE] = queue_create,
   [DRM_ASAHI_QUEUE_DESTROY] = accept_and_drop,
   [DRM_ASAHI_SUBMIT] = accept_and_drop,
};

void drm_shim_driver_init(void)
{
   shim_device.bus_type = DRM_BUS_PLATFORM;
   shim_device.driver_name = "asahi";
   shim_device.driver_ioctls = ioctls;
   shim_device.driver_ioctl_count = sizeof ioctls / sizeof *ioctls;
   drm_shim_override_file("DRIVER=asahi\nOF_FULLNAME=/soc/agx\nOF_COMPATIBLE_0=apple,agx-g13g\nOF_COMPATIBLE_N=1\n",
                          "/sys/dev/char/%d:%d/device/uevent", DRM_MAJOR, render_node_minor);
}
