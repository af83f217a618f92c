"""Number formats: bfloat16 on the CPU, float16 where there is a GPU, Apex where it is installed."""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest
import torch
from helpers.training_runs import ALONE, config, pcr_run, refusal, train, values

from pcr.errors import PCRError, UsageError
from pcr.train.amp import (
    ApexPrecision,
    TorchPrecision,
    choose_precision,
    create_optimizer,
    load_optimizer,
)
from pcr.train.model import compile_errors
from pcr.train.state import TrainState

CUDA = torch.device("cuda", 0)
pytestmark = pytest.mark.usefixtures("one_thread")


def test_bfloat16_and_channels_last_learn_on_the_cpu(data, tmp_path, capsys):
    flags = ["--bf16", "--channels-last", "--epochs", "6"]
    assert train(*pcr_run(data, tmp_path, lr="0.01"), *flags) == 0
    first, *_, last = values(tmp_path, "avg_train_loss")
    assert last < first
    assert "bfloat16" in capsys.readouterr().out


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_weights(data):
    settings = config(data, bf16=True, channels_last=True)
    state = TrainState.create(settings, ["a", "b"], ALONE)
    seen = []
    first = next(m for m in state.model.modules() if isinstance(m, torch.nn.Conv2d))
    first.register_forward_hook(lambda _m, _in, out: seen.append(out))
    with state.precision.autocast():
        state.network(torch.rand(2, 3, 48, 48))
    (output,) = seen
    assert output.dtype == torch.bfloat16
    assert output.is_contiguous(memory_format=torch.channels_last)
    assert {weight.dtype for weight in state.model.parameters()} == {torch.float32}


def test_full_precision_leaves_a_step_alone():
    precision = TorchPrecision(SimpleNamespace(**PLAIN), ALONE.device)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], 0.5)
    with precision.autocast():
        loss = (3 * weight).sum()
    precision.step(loss, optimizer)
    assert weight.item() == 1 - 0.5 * 3
    assert precision.state_dict() == {}


PLAIN = {"precision": "O0", "bf16": False, "dynamic_loss_scale": False, "static_loss_scale": None}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--opt-level", "O1"], "--opt-level: float16 needs a CUDA GPU"),
        (["--fp16"], "use bf16, or choose the device cuda"),
        (["--bf16", "--fp16"], "--bf16: cannot be combined with --fp16"),
        (["--bf16", "--amp-backend", "apex"], "or --amp-backend apex"),
        (["--fp16", "--opt-level", "O0"], "--fp16: cannot be combined with --opt-level O0"),
        (["--opt-level", "O3", "--static-loss-scale", "128"], "doesn't scale the loss"),
        (["--amp-backend", "apex"], "--amp-backend: no NVIDIA Apex with apex.amp"),
    ],
)
def test_refusals(data, capsys, flags, expected, monkeypatch):
    monkeypatch.setitem(sys.modules, "apex", None)
    assert expected in refusal(capsys, 2, *pcr_run(data, data / "none"), *flags)


@pytest.mark.parametrize(
    ("changes", "scale", "weights"),
    [
        ({"fp16": True}, 2.0**16, torch.float32),
        ({"opt_level": "O1", "static_loss_scale": 128.0}, 128.0, torch.float32),
        ({"opt_level": "O2", "static_loss_scale": 128.0, "dynamic_loss_scale": True}, 2.0**16, torch.float32),
        ({"opt_level": "O3"}, None, torch.float16),
        ({"opt_level": "O0"}, None, torch.float32),
    ],
)  # fmt: skip
def test_opt_levels_of_torch(data, changes, scale, weights):
    """torch can scale the loss without a GPU too, though the command lets nobody do so."""
    precision = TorchPrecision(config(data, **changes), ALONE.device)
    assert precision.state_dict().get("scale") == scale
    assert precision.cast(torch.nn.Linear(1, 1)).weight.dtype == weights


@pytest.mark.parametrize(("static", "after"), [(128.0, 128.0), (None, 2.0**15)])
def test_a_step_that_overflows_is_left_out(data, static, after):
    settings = config(data, fp16=True, static_loss_scale=static)
    precision = TorchPrecision(settings, ALONE.device)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], 0.5)
    precision.step((weight * torch.inf).sum(), optimizer)
    assert weight.item() == 1
    assert precision.state_dict()["scale"] == after
    precision.step((weight * 3).sum(), optimizer)
    assert weight.item() == 1 - 0.5 * 3


class FakeApex:
    """Stands for an Apex with `amp`, `parallel` and `optimizers`; notes what it is asked."""

    def __init__(self):
        self.calls = []
        self.amp = ModuleType("apex.amp")
        self.amp.initialize = self.initialize
        self.amp.scale_loss = self.scale_loss
        self.amp.state_dict = lambda: {"loss_scaler0": {"loss_scale": 4.0}}
        self.amp.load_state_dict = lambda state: self.calls.append(("load", state))
        self.parallel = ModuleType("apex.parallel")
        self.optimizers = ModuleType("apex.optimizers")
        self.optimizers.FusedSGD = type("FusedSGD", (torch.optim.SGD,), {})

    def initialize(self, model, optimizer, **options):
        self.calls.append(("initialize", options))
        return model, optimizer

    @contextmanager
    def scale_loss(self, loss, optimizer):
        yield loss * 4
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight.grad /= 4


@pytest.fixture
def apex(monkeypatch):
    fake = FakeApex()
    package = ModuleType("apex")
    for name in ("amp", "parallel", "optimizers"):
        module = getattr(fake, name)
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"apex.{name}", module)
    monkeypatch.setitem(sys.modules, "apex", package)
    return fake


def test_apex_is_used_where_it_is_asked_for(data, apex):
    settings = config(data, amp_backend="apex", opt_level="O2", dynamic_loss_scale=True)
    precision = choose_precision(settings, CUDA)
    assert isinstance(precision, ApexPrecision)
    weight = torch.nn.Parameter(torch.ones(1))
    model = torch.nn.ParameterList([weight])
    _, optimizer = precision.initialize(model, torch.optim.SGD([weight], 0.5))
    assert apex.calls == [("initialize", {"opt_level": "O2", "loss_scale": "dynamic"})]
    with precision.autocast():
        loss = (3 * weight).sum()
    precision.step(loss, optimizer)
    assert weight.item() == 1 - 0.5 * 3
    precision.load_state_dict(precision.state_dict())
    assert apex.calls[-1] == ("load", {"loss_scaler0": {"loss_scale": 4.0}})


def test_apexs_fused_sgd_serves_gpus_where_it_is_built(data, apex, monkeypatch):
    model = torch.nn.Linear(1, 1)

    def not_built(*_arguments, **_options):
        raise RuntimeError("apex.optimizers.FusedSGD requires cuda extensions")

    settings = config(data)
    assert type(create_optimizer(settings, model, CUDA)) is apex.optimizers.FusedSGD
    assert type(create_optimizer(settings, model, ALONE.device)) is torch.optim.SGD
    monkeypatch.setattr(apex.optimizers, "FusedSGD", not_built)
    optimizer = create_optimizer(settings, model, CUDA)
    assert type(optimizer) is torch.optim.SGD and optimizer.defaults["fused"]


def test_the_fused_optimizer_goes_on_from_the_other_and_leaves_overflows_out(data):
    """A checkpoint may change from the CPU to a GPU and back."""
    settings = config(data, fp16=True)
    precision = TorchPrecision(settings, ALONE.device)
    model = torch.nn.Linear(2, 2)
    plain, fused = (create_optimizer(settings, model, device) for device in (ALONE.device, CUDA))
    before = model.weight.clone()
    precision.step(model(torch.ones(1, 2)).sum() * torch.inf, fused)
    assert torch.equal(model.weight, before)
    for one, other in ((plain, fused), (fused, plain)):
        precision.step(model(torch.ones(1, 2)).sum(), one)
        load_optimizer(other, one.state_dict())
        before = model.weight.clone()
        precision.step(model(torch.ones(1, 2)).sum(), other)
        assert not torch.equal(model.weight, before)


def test_the_scale_is_saved_and_taken_up(data, monkeypatch):
    monkeypatch.setattr("pcr.train.state.choose_precision", TorchPrecision)  # fp16 on the CPU
    settings = config(data, fp16=True)
    state = TrainState.create(settings, ["a", "b"], ALONE)
    overflow = next(state.model.parameters()).sum() * torch.inf
    state.precision.step(overflow, state.optimizer)
    again = TrainState.create(settings, ["a", "b"], ALONE)
    again.restore(settings, state.snapshot(settings, []))
    assert again.precision.state_dict()["scale"] == 2.0**15


def test_the_steps_network_is_compiled_and_checkpoints_keep_their_names(data, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(self))
    state = TrainState.create(config(data, compile=True), ["a", "b"], ALONE)
    assert compiled == [state.network]
    assert "conv1.0.weight" in state.snapshot(config(data), [])["model"]


def test_a_model_that_torch_cannot_compile_is_named():
    class InductorError(RuntimeError):
        """As torch raises it in the first step."""

    InductorError.__module__ = "torch._inductor.exc"
    message = r"torch .* can't compile resnet18 here: .* \(CppCompileError: no compiler\)"
    with pytest.raises(PCRError, match=message), compile_errors("resnet18"):
        raise InductorError("CppCompileError:\nno compiler")
    InductorError.__module__ = "elsewhere"
    with pytest.raises(InductorError), compile_errors("resnet18"):
        raise InductorError("another error")


def test_apex_missing_parts_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apex", None)
    with pytest.raises(UsageError, match="leave it out"):
        ApexPrecision(SimpleNamespace(precision="O1"))
