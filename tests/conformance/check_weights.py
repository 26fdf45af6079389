"""Files of weights both ways against Python torch (and numpy for .npz).

    check_weights.py write FOLDER [KEYS]   makes files for retina to read; KEYS: JSON of names and shapes of whole networks
    check_weights.py read FOLDER           opens FOLDER/*.pth as torch.load(weights_only=True) does, prints names and shapes
    check_weights.py describe FOLDER       opens whole networks alike, checks values, prints names, types and shapes in order
    check_weights.py npz FOLDER            makes .npz files
    check_weights.py imagenet FOLDER       makes R50+ViT-B_16.npz at full size, and what must become of it
    check_weights.py heads FOLDER          makes heads16.npz: the same arrays of a narrow transformer of one layer with 16 heads
Tensor number k holds (k + 1) * (0, 1, 2, ...); in a whole network, where some are single numbers, (k + 1) * (1, 2, 3, ...).
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


def marked(torch, shape, k, dtype):
    return (ramp(torch, shape, k, torch.float64) + (k + 1)).to(dtype)


def small_state(torch):
    types = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.uint8]
    return {f"t{k}": ramp(torch, (3, 4), k, dtype) for k, dtype in enumerate(types)}


class Harmful:
    def __reduce__(self):
        return print, ("this was executed",)


def write_views(torch, folder):
    joint = ramp(torch, (400, 1200), 0, torch.float32)
    torch.save({"q": joint[:, :400], "k": joint[:, 400:800], "v": joint[:, 800:]}, folder / "split.pth")
    torch.save({"w": ramp(torch, (64, 1, 7, 7), 0, torch.float32).expand(64, 3, 7, 7)}, folder / "expanded.pth")
    torch.save({"w": torch.zeros(1).expand(1 << 40)}, folder / "expanded_far.pth")
    torch.save({"w": torch._neg_view(torch.ones(3))}, folder / "negated.pth")


def write_checkpoints(torch, folder, state):
    layer = torch.nn.Linear(2, 3)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save({"net": state, "optimizer": optimizer.state_dict(), "epoch": 3, "random": torch.get_rng_state()},
               folder / "net.pth")
    torch.save({"model": {"depth": 3}, "weights": state}, folder / "weights.pth")
    torch.save({**state, "statistics": {"mean": state["t0"]}}, folder / "flat.pth")
    torch.save({"net": state, "averaged": dict(state), "epoch": 3}, folder / "two.pth")


def write(folder, keys):
    import torch

    state = small_state(torch)
    write_views(torch, folder)
    write_checkpoints(torch, folder, state)
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
            tensors = {"module." + name: marked(torch, tuple(CLASSES if side == "C" else side for side in shape), k,
                                                torch.int64 if name.endswith("tracked") else torch.float32)
                       for k, (name, shape) in enumerate(entries)}
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


def describe(folder):
    import torch

    found = {}
    for path in sorted(folder.glob("*.pth")):
        state = torch.load(path, weights_only=True)
        for k, (name, tensor) in enumerate(state.items()):
            assert torch.equal(tensor, marked(torch, tuple(tensor.shape), k, tensor.dtype)), f"{path.name}: {name}"
        found[path.name] = [[name, str(tensor.dtype), list(tensor.shape)] for name, tensor in state.items()]
    print(json.dumps(found))


def imagenet_entries(hidden=768, mlp=3072, heads=12, layers=12):
    """The arrays of ImageNet-21k's R50+ViT-B_16.npz: name, shape, name in the network, conversion (retina.md section 7)."""
    def norm(name, shape, target):
        return [(name + "scale", shape, target + "weight", flat), (name + "bias", shape, target + "bias", flat)]

    def hwio(a):
        return a.transpose(3, 2, 0, 1)

    def flat(a):
        return a.reshape(-1)

    def square(a):
        return a.reshape(hidden, hidden).T

    resnet = "transformer.embeddings.hybrid_model."
    entries = [("conv_root/kernel", (7, 7, 3, 64), resnet + "root.conv.weight", hwio)]
    entries += norm("gn_root/", (1, 1, 1, 64), resnet + "root.gn.")
    before = 64
    for block, (units, mid) in enumerate(((3, 64), (4, 128), (9, 256)), start=1):
        for unit in range(1, units + 1):
            name, to = f"block{block}/unit{unit}/", f"{resnet}body.block{block}.unit{unit}."
            shapes = ((1, 1, before, mid), (3, 3, mid, mid), (1, 1, mid, 4 * mid))
            for k, shape in enumerate(shapes, start=1):
                entries.append((f"{name}conv{k}/kernel", shape, f"{to}conv{k}.weight", hwio))
                entries += norm(f"{name}gn{k}/", (1, 1, 1, shape[3]), f"{to}gn{k}.")
            if unit == 1:
                entries.append((name + "conv_proj/kernel", (1, 1, before, 4 * mid), to + "downsample.weight", hwio))
                entries += norm(name + "gn_proj/", (1, 1, 1, 4 * mid), to + "gn_proj.")
            before = 4 * mid
    embeddings = "transformer.embeddings."
    entries += [("embedding/kernel", (1, 1, 1024, hidden), embeddings + "patch_embeddings.weight", hwio),
                ("embedding/bias", (hidden,), embeddings + "patch_embeddings.bias", flat),
                ("Transformer/posembed_input/pos_embedding", (1, 197, hidden), embeddings + "position_embeddings",
                 lambda a: a[:, 1:])]
    for layer in range(layers):
        name, to = f"Transformer/encoderblock_{layer}/", f"transformer.encoder.layer.{layer}."
        entries += norm(name + "LayerNorm_0/", (hidden,), to + "attention_norm.")
        entries += norm(name + "LayerNorm_2/", (hidden,), to + "ffn_norm.")
        for k, (inside, outside) in enumerate(((hidden, mlp), (mlp, hidden))):
            entries += [(f"{name}MlpBlock_3/Dense_{k}/kernel", (inside, outside), f"{to}ffn.fc{k + 1}.weight", lambda a: a.T),
                        (f"{name}MlpBlock_3/Dense_{k}/bias", (outside,), f"{to}ffn.fc{k + 1}.bias", flat)]
        for part in ("query", "key", "value", "out"):
            attention = f"{name}MultiHeadDotProductAttention_1/{part}/"
            width = hidden // heads
            shape, bias = ((heads, width, hidden), (hidden,)) if part == "out" else ((hidden, heads, width), (heads, width))
            entries += [(attention + "kernel", shape, f"{to}attn.{part}.weight", square),
                        (attention + "bias", bias, f"{to}attn.{part}.bias", flat)]
    entries += norm("Transformer/encoder_norm/", (hidden,), "transformer.encoder.encoder_norm.")
    unused = {"cls": (1, 1, hidden), "pre_logits/kernel": (hidden, hidden), "pre_logits/bias": (hidden,),
              "head/kernel": (hidden, 21843), "head/bias": (21843,)}
    return entries + [(name, shape, None, None) for name, shape in unused.items()]


def write_imagenet(folder):
    """Zeros with one number in each array, at a place of its own; expected.json: network's name, shape, place there, number."""
    import numpy as np

    places = np.random.default_rng(0)
    arrays, expected = {}, {}
    for k, (name, shape, target, convert) in enumerate(imagenet_entries(), start=1):
        arrays[name] = array = np.zeros(shape, dtype=np.float32)
        first = 768 if "pos_embedding" in name else 0  # what is said of the class token is dropped
        array.flat[places.integers(first, array.size)] = k
        if target:
            converted = convert(array)
            expected[target] = [list(converted.shape), int(np.flatnonzero(converted)[0]), k]
    np.savez(folder / "R50+ViT-B_16.npz", **arrays)
    (folder / "expected.json").write_text(json.dumps(expected))


def write_heads(folder):
    import numpy as np

    entries = imagenet_entries(hidden=64, mlp=128, heads=16, layers=1)
    np.savez(folder / "heads16.npz", **{name: np.zeros(shape, dtype=np.float32) for name, shape, _, _ in entries})


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
elif verb == "describe":
    describe(folder)
elif verb == "imagenet":
    write_imagenet(folder)
elif verb == "heads":
    write_heads(folder)
else:
    write_npz(folder)
