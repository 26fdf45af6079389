"""Files of weights both ways against Python torch (and numpy for .npz).

    check_weights.py write FOLDER [KEYS]   makes files for retina to read; KEYS: JSON of names and shapes of whole networks
    check_weights.py read FOLDER           opens FOLDER/*.pth as torch.load(weights_only=True) does, prints names and shapes
    check_weights.py npz FOLDER            makes .npz files
Tensor number k holds (k + 1) * (0, 1, 2, ...).
"""
import json
import pathlib
import sys

CLASSES = 3  # for "C" in KEYS


def ramp(torch, shape, k, dtype):
    count = 1
    for side in shape:
        count *= side
    return (torch.arange(count, dtype=torch.float64) * (k + 1)).reshape(shape).to(dtype)


def small_state(torch):
    types = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.uint8]
    return {f"t{k}": ramp(torch, (3, 4), k, dtype) for k, dtype in enumerate(types)}


class Harmful:
    def __reduce__(self):
        return print, ("this was executed",)


def write(folder, keys):
    import torch

    state = small_state(torch)
    torch.save(state, folder / "state.pth")
    torch.save({"state_dict": {"module." + k: v for k, v in state.items()}, "epoch": 3, "rate": 0.5, "done": True},
               folder / "checkpoint.pt")
    whole = ramp(torch, (6, 4), 0, torch.float32)
    torch.save({"rows": whole[2:4], "turned": whole.t(), "scalar": torch.tensor(7), "empty": torch.zeros(0, 3),
                "parameter": torch.nn.Parameter(ramp(torch, (2, 2), 4, torch.float32))}, folder / "views.pth")
    torch.save(torch.nn.BatchNorm2d(3).state_dict(), folder / "module_state.pth")  # with its _metadata
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 3), folder / "module.pth")
    torch.save({"t0": state["t0"], "x": Harmful()}, folder / "harmful.pth")
    torch.save([state["t0"]], folder / "list.pth")
    if keys:
        for kind, entries in json.loads(pathlib.Path(keys).read_text()).items():
            tensors = {"module." + name: torch.zeros([CLASSES if side == "C" else side for side in shape],
                                                     dtype=torch.int64 if name.endswith("tracked") else torch.float32)
                       for name, shape in entries}
            torch.save(tensors, folder / f"{kind}.pth")


def read(folder):
    import torch

    found = {}
    for path in sorted(folder.glob("*.pth")):
        state = torch.load(path, weights_only=True)
        assert type(state).__name__ == "OrderedDict", type(state)
        for k, (name, tensor) in enumerate(state.items()):
            expected = ramp(torch, tuple(tensor.shape), k, tensor.dtype)
            assert torch.equal(tensor, expected), name
        found[path.name] = {name: [str(tensor.dtype), list(tensor.shape)] for name, tensor in state.items()}
    print(json.dumps(found))


def write_npz(folder):
    import numpy as np

    arrays = {"a/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "b": np.arange(3, dtype=np.int64), "c": np.float64(2.5)}
    np.savez(folder / "arrays.npz", **arrays)
    np.savez_compressed(folder / "compressed.npz", **arrays)
    np.savez(folder / "objects.npz", o=np.array([{"a": 1}], dtype=object))
    np.savez(folder / "fortran.npz", f=np.asfortranarray(np.ones((3, 4), dtype=np.float32)))


verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if verb == "write":
    write(folder, sys.argv[3] if len(sys.argv) > 3 else None)
elif verb == "read":
    read(folder)
else:
    write_npz(folder)
