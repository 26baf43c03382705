"""Runs the shaders through wgpu, whose compiler of WGSL is Naga (Firefox has it), on whatever adapter it finds.

Use:   node bench/peers/naga-cases.ts CASES.jsonl && python bench/peers/naga.py CASES.jsonl
Needs: pip install wgpu numpy (0.32.0 and Mesa's llvmpipe were used); no test of the package needs it.

Each case is one dispatch with what its bindings held before and after on Dawn and SwiftShader, where the self-tests
compared the results with the float64 reference. Ends with 1 where a shader does not compile or gives something else.
"""

import base64
import json
import sys

import numpy
import wgpu

TOLERANCE = 1e-4  # of the largest output: sums in another order, exp of another library


def buffers_of(device, case):
    usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
    return {
        one["binding"]: device.create_buffer_with_data(data=base64.b64decode(one["bytes"]), usage=usage)
        for one in case["before"]
    }


def run(device, case):
    module = device.create_shader_module(code=case["code"])
    pipeline = device.create_compute_pipeline(
        layout="auto", compute={"module": module, "entry_point": "main", "constants": case["constants"]}
    )
    buffers = buffers_of(device, case)
    entries = [{"binding": binding, "resource": {"buffer": buffer, "offset": 0, "size": buffer.size}} for binding, buffer in buffers.items()]
    group = device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)
    encoder = device.create_command_encoder()
    compute = encoder.begin_compute_pass()
    compute.set_pipeline(pipeline)
    compute.set_bind_group(0, group)
    compute.dispatch_workgroups(*case["workgroups"])
    compute.end()
    device.queue.submit([encoder.finish()])
    return {one["binding"]: bytes(device.queue.read_buffer(buffers[one["binding"]])) for one in case["after"]}


def difference(found, expected):
    """None where they agree; words are f32, or four s8 where they are no numbers of one kind."""
    if found == expected:
        return None
    a, b = (numpy.frombuffer(data, numpy.float32) for data in (found, expected))
    finite = numpy.isfinite(b)
    largest = numpy.max(numpy.abs(b[finite]), initial=0)
    if numpy.array_equal(numpy.isnan(a), numpy.isnan(b)) and largest > 1e-30:
        off = numpy.max(numpy.abs(a[finite] - b[finite]), initial=0) / largest
        if off <= TOLERANCE:
            return None
    s8 = [numpy.frombuffer(data, numpy.int8).astype(int) for data in (found, expected)]
    step = numpy.abs(s8[0] - s8[1])
    # a rounding that fell the other way
    if numpy.max(step) <= 1 and numpy.mean(step > 0) < 0.01:
        return None
    return f"{numpy.count_nonzero(a != b)} of {a.size} words differ, the largest f32 by {numpy.nanmax(numpy.abs(a - b)):.3g} of {largest:.3g}"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: naga.py CASES.jsonl, which naga-cases.ts writes")
    adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
    print("adapter:", adapter.info["device"], adapter.info["description"], "wgpu", wgpu.__version__)
    names = ["max_storage_buffers_per_shader_stage", "max-storage-buffers-per-shader-stage"]
    limits = {name: adapter.limits[name] for name in names if name in adapter.limits}
    device = adapter.request_device_sync(required_limits=limits)
    faults, ran = [], 0
    for line in open(sys.argv[1]):
        case = json.loads(line)
        ran += 1
        try:
            found = run(device, case)
        except Exception as error:  # whatever the compiler says
            faults.append(f"{case['name']}: {str(error).strip().splitlines()[0][:300]}")
            continue
        for one in case["after"]:
            fault = difference(found[one["binding"]], base64.b64decode(one["bytes"]))
            if fault:
                faults.append(f"{case['name']}: binding {one['binding']}: {fault}")
    if ran == 0:
        sys.exit("no case in the file")
    print(f"{ran} dispatches, {len(faults)} faults")
    for fault in faults:
        print("  " + fault)
    sys.exit(1 if faults else 0)


main()
