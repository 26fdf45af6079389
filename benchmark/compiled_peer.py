#!/usr/bin/env python3
"""A training step of the published network under torch.compile on a GPU, fed with constant tensors: what the published code could reach.

    benchmark/compiled_peer.py train --device cuda --bf16 --channels-last --batch 256 --repeats 10

Runs the timing peer (RETINA_PEERS, default ../shared/peers beside the project) with --compile. Its exported program makes a few tensors on
the CPU, where it was exported; here they are made on the device.
"""
import os
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(os.environ.get("RETINA_PEERS", ROOT.parent / "shared" / "peers")) / "retina"))
load = torch.export.load


class OnDevice:
    def __init__(self, program):
        self.program = program

    def module(self):
        module = self.program.module()
        for node in module.graph.nodes:
            if "device" in node.kwargs:
                node.kwargs = {**node.kwargs, "device": torch.device("cuda")}
        module.recompile()
        return module


if __name__ == "__main__":
    import peer_retina

    torch.export.load = lambda file: OnDevice(load(file))
    sys.argv = [sys.argv[0], *sys.argv[1:], "--compile"]
    peer_retina.main()
