"""The calls that show a total, before and after they show its components too."""

from __future__ import annotations

import ast
import re
from textwrap import dedent
from typing import Any

import libcst as cst
import pytest

from losslint.fixes.shown import extended
from losslint.model.module import Module
from losslint.model.parents import nodes
from losslint.source.text import Source

COMPONENTS = (("ce_loss", "ce_loss"), ("dice", 'losses["dice"]'))


def fixed(
    code: str,
    components: tuple[tuple[str, str], ...] = COMPONENTS,
    total: str = "loss",
    as_value: str = "",
) -> str | None:
    """`code` after its first statement that shows `total` was extended."""
    module = Module(Source.from_text("train.py", code))
    shows = [n for n in nodes(module.tree) if isinstance(n, (cst.Expr, cst.Assign, cst.AugAssign))]
    for statement in sorted(shows, key=module.span):
        show = statement.value if isinstance(statement, cst.Expr) else statement
        found = [
            n
            for n in nodes(show)
            if isinstance(n, (cst.Name, cst.Subscript, cst.Attribute)) and module.text(n) == total
        ]
        found = [n for n in found if not _is_keyword(show, n)]
        if found:
            edits = extended(module, show, min(found, key=module.span), components, as_value)
            return None if edits is None else _applied(module, edits)
    raise AssertionError(f"nothing shows {total}")


def _is_keyword(show: cst.CSTNode, node: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.Arg) and n.keyword is node for n in nodes(show))


def _applied(module: Module, edits: Any) -> str:
    data = module.source.data
    for edit in sorted(edits, reverse=True):
        data = data[: edit.span.start] + edit.text.encode() + data[edit.span.end :]
    ast.parse(data)
    return data.decode()


ONE_LINE = [
    # keywords
    (
        "pbar.set_postfix(loss=loss.item(), lr=lr)",
        'pbar.set_postfix(loss=loss.item(), ce_loss=ce_loss.item(), dice=losses["dice"].item(), lr=lr)',
    ),
    (
        'pbar.set_postfix(loss=f"{loss.item():.4f}")',
        'pbar.set_postfix(loss=f"{loss.item():.4f}", ce_loss=f"{ce_loss.item():.4f}", dice=f"{losses[\'dice\'].item():.4f}")',
    ),
    (
        "pbar.set_postfix(total_loss='%.3f' % loss.item())",
        "pbar.set_postfix(total_loss='%.3f' % loss.item(), ce_loss='%.3f' % ce_loss.item(), dice='%.3f' % losses[\"dice\"].item())",
    ),
    (
        "pbar.set_postfix(loss='{:.3f}'.format(float(loss)))",
        "pbar.set_postfix(loss='{:.3f}'.format(float(loss)), ce_loss='{:.3f}'.format(float(ce_loss)), dice='{:.3f}'.format(float(losses[\"dice\"])))",
    ),
    (
        "pbar.set_postfix(dict(loss=round(loss.item(), 3)))",
        'pbar.set_postfix(dict(loss=round(loss.item(), 3), ce_loss=round(ce_loss.item(), 3), dice=round(losses["dice"].item(), 3)))',
    ),
    (
        "metric_logger.update(train_loss=loss, lr=lr)",
        'metric_logger.update(train_loss=loss, train_ce_loss=ce_loss, train_dice=losses["dice"], lr=lr)',
    ),
    # dictionaries
    (
        'pbar.set_postfix({"loss": loss.item()})',
        'pbar.set_postfix({"loss": loss.item(), "ce_loss": ce_loss.item(), "dice": losses["dice"].item()})',
    ),
    (
        "pbar.set_postfix(**{'loss (batch)': loss.item()})",
        "pbar.set_postfix(**{'loss (batch)': loss.item(), 'ce_loss (batch)': ce_loss.item(), 'dice (batch)': losses[\"dice\"].item()})",
    ),
    (
        'wandb.log({"train/loss": loss.item(), "step": step})',
        'wandb.log({"train/loss": loss.item(), "train/ce_loss": ce_loss.item(), "train/dice": losses["dice"].item(), "step": step})',
    ),
    (
        'wandb.log({"Loss/train": loss})',
        'wandb.log({"Loss/train": loss, "Loss/train_ce": ce_loss, "Loss/train_dice": losses["dice"]})',
    ),
    (
        'wandb.log({f"{phase}/loss": loss.item()}, step=i)',
        'wandb.log({f"{phase}/loss": loss.item(), f"{phase}/ce_loss": ce_loss.item(), f"{phase}/dice": losses["dice"].item()}, step=i)',
    ),
    (
        'self.log_dict({"loss/total": loss, "acc": acc}, prog_bar=True)',
        'self.log_dict({"loss/total": loss, "loss/ce": ce_loss, "loss/dice": losses["dice"], "acc": acc}, prog_bar=True)',
    ),
    (
        'accelerator.log({"train loss": loss.detach().float() / n}, step=step)',
        'accelerator.log({"train loss": loss.detach().float() / n, "train ce loss": ce_loss.detach().float() / n, "train dice": losses["dice"].detach().float() / n}, step=step)',
    ),
    (
        "writer.add_scalars('loss', {'total': loss.item()}, step)",
        "writer.add_scalars('loss', {'total': loss.item(), 'ce_loss': ce_loss.item(), 'dice': losses[\"dice\"].item()}, step)",
    ),
    # f-strings
    (
        'print(f"loss: {loss.item():.4f}")',
        "print(f\"loss: {loss.item():.4f}, ce_loss: {ce_loss.item():.4f}, dice: {losses['dice'].item():.4f}\")",
    ),
    (
        'pbar.set_description(f"Epoch {e} loss {loss.item():.3f}")',
        "pbar.set_description(f\"Epoch {e} loss {loss.item():.3f} ce_loss {ce_loss.item():.3f} dice {losses['dice'].item():.3f}\")",
    ),
    (
        "logger.info(f'[{i}/{n}] loss={loss:.3f} | lr={lr}')",
        "logger.info(f'[{i}/{n}] loss={loss:.3f} | ce_loss={ce_loss:.3f} | dice={losses[\"dice\"]:.3f} | lr={lr}')",
    ),
    (
        'print(f"Loss: {loss.item():.5f}; logP: {p.item():.5f}")',
        "print(f\"Loss: {loss.item():.5f}; ce_loss: {ce_loss.item():.5f}; dice: {losses['dice'].item():.5f}; logP: {p.item():.5f}\")",
    ),
    (
        'print(f"{i}: {loss=}")',
        "print(f\"{i}: {loss=}, {ce_loss=}, {losses['dice']=}\")",
    ),
    (
        'print(f"Epoch {e}\\tTrain loss: {loss:.3f}\\n")',
        "print(f\"Epoch {e}\\tTrain loss: {loss:.3f}\\tTrain ce loss: {ce_loss:.3f}\\tTrain dice: {losses['dice']:.3f}\\n\")",
    ),
    (
        'print(f"(step {i}) (loss: {loss:.3f})")',
        "print(f\"(step {i}) (loss: {loss:.3f}, ce_loss: {ce_loss:.3f}, dice: {losses['dice']:.3f})\")",
    ),
    (
        'pbar.desc = f"loss {loss:.3f}"',
        "pbar.desc = f\"loss {loss:.3f}, ce_loss {ce_loss:.3f}, dice {losses['dice']:.3f}\"",
    ),
    # percent signs
    (
        'print("loss %.3f" % loss.item())',
        'print("loss %.3f, ce_loss %.3f, dice %.3f" % (loss.item(), ce_loss.item(), losses["dice"].item()))',
    ),
    (
        'print("loss %.3f" % (loss.item()))',
        'print("loss %.3f, ce_loss %.3f, dice %.3f" % (loss.item(), ce_loss.item(), losses["dice"].item()))',
    ),
    (
        'print("%d: loss %.3f, acc %d%%" % (epoch, loss.item(), acc))',
        'print("%d: loss %.3f, ce_loss %.3f, dice %.3f, acc %d%%" % (epoch, loss.item(), ce_loss.item(), losses["dice"].item(), acc))',
    ),
    (
        "progress_bar(i, n, 'Loss: %.3f | Acc: %.3f%%' % (loss / (i + 1), acc))",
        "progress_bar(i, n, 'Loss: %.3f | ce_loss: %.3f | dice: %.3f | Acc: %.3f%%' % (loss / (i + 1), ce_loss / (i + 1), losses[\"dice\"] / (i + 1), acc))",
    ),
    # .format
    (
        "print('loss {:.4f}'.format(loss.item()))",
        "print('loss {:.4f}, ce_loss {:.4f}, dice {:.4f}'.format(loss.item(), ce_loss.item(), losses[\"dice\"].item()))",
    ),
    (
        "print('[{}/{} ({:.0f}%)]\\tLoss: {:.6f}'.format(i, n, p, loss.item()))",
        "print('[{}/{} ({:.0f}%)]\\tLoss: {:.6f}\\tce_loss: {:.6f}\\tdice: {:.6f}'.format(i, n, p, loss.item(), ce_loss.item(), losses[\"dice\"].item()))",
    ),
    (
        "print('{0} loss {1:.2f} {0}'.format(i, loss))",
        "print('{0} loss {1:.2f} ce_loss {2:.2f} dice {3:.2f} {0}'.format(i, loss, ce_loss, losses[\"dice\"]))",
    ),
    (
        "Bar.suffix = '{i} |Loss: {loss:.4f}'.format(loss=loss, i=i)",
        "Bar.suffix = '{i} |Loss: {loss:.4f} |ce_loss: {ce_loss:.4f} |dice: {dice:.4f}'.format(loss=loss, ce_loss=ce_loss, dice=losses[\"dice\"], i=i)",
    ),
    # what a logger formats
    (
        'logger.info("loss %.4f", loss.item())',
        'logger.info("loss %.4f, ce_loss %.4f, dice %.4f", loss.item(), ce_loss.item(), losses["dice"].item())',
    ),
    (
        'logging.log(logging.INFO, "step %d loss %.4f", i, loss)',
        'logging.log(logging.INFO, "step %d loss %.4f ce_loss %.4f dice %.4f", i, loss, ce_loss, losses["dice"])',
    ),
    (
        'logger.info("loss {:.4f}", loss)',
        'logger.info("loss {:.4f}, ce_loss {:.4f}, dice {:.4f}", loss, ce_loss, losses["dice"])',
    ),
    # print, argument by argument
    (
        'print("loss", loss.item())',
        'print("loss", loss.item(), "ce_loss", ce_loss.item(), "dice", losses["dice"].item())',
    ),
    (
        "print('Epoch:', e, 'loss:', loss.item(), 'acc', acc)",
        "print('Epoch:', e, 'loss:', loss.item(), 'ce_loss:', ce_loss.item(), 'dice:', losses[\"dice\"].item(), 'acc', acc)",
    ),
    (
        'print(f"step {i} | loss", loss)',
        'print(f"step {i} | loss", loss, "| ce_loss", ce_loss, "| dice", losses["dice"])',
    ),
    # one call a value
    (
        'writer.add_scalar("train/loss", loss.item(), step)',
        'writer.add_scalar("train/loss", loss.item(), step)\nwriter.add_scalar("train/ce_loss", ce_loss.item(), step)\nwriter.add_scalar("train/dice", losses["dice"].item(), step)',
    ),
    (
        'self.log("train_loss", loss, prog_bar=True)',
        'self.log("train_loss", loss, prog_bar=True)\nself.log("train_ce_loss", ce_loss, prog_bar=True)\nself.log("train_dice", losses["dice"], prog_bar=True)',
    ),
    (
        "mlflow.log_metric('loss', loss.item(), step=i)",
        "mlflow.log_metric('loss', loss.item(), step=i)\nmlflow.log_metric('ce_loss', ce_loss.item(), step=i)\nmlflow.log_metric('dice', losses[\"dice\"].item(), step=i)",
    ),
    (
        'writer.add_scalar(tag="Loss/total", scalar_value=loss, global_step=i)',
        'writer.add_scalar(tag="Loss/total", scalar_value=loss, global_step=i)\nwriter.add_scalar(tag="Loss/ce", scalar_value=ce_loss, global_step=i)\nwriter.add_scalar(tag="Loss/dice", scalar_value=losses["dice"], global_step=i)',
    ),
    (
        'task_logger.report_scalar("loss", "total", loss.item(), i)',
        'task_logger.report_scalar("loss", "total", loss.item(), i)\ntask_logger.report_scalar("loss", "ce_loss", ce_loss.item(), i)\ntask_logger.report_scalar("loss", "dice", losses["dice"].item(), i)',
    ),
    (
        'writer.add_scalar(f"{phase}/loss", loss, step)  # every step',
        'writer.add_scalar(f"{phase}/loss", loss, step)  # every step\nwriter.add_scalar(f"{phase}/ce_loss", ce_loss, step)\nwriter.add_scalar(f"{phase}/dice", losses["dice"], step)',
    ),
]

WIDE = "# " + "-" * 300


@pytest.mark.parametrize(("before", "after"), ONE_LINE, ids=[before for before, _ in ONE_LINE])
def test_a_call_shows_its_components_in_its_own_style(before: str, after: str) -> None:
    assert fixed(f"{WIDE}\n{before}\n") == f"{WIDE}\n{after}\n"


LAYOUTS = {
    "one entry a line": (
        """
        for i in r:
            iterator.set_postfix({
                'loss': f"{loss.item():.4f}",  # of the batch
                'lr': lr,
            })
        """,
        """
        for i in r:
            iterator.set_postfix({
                'loss': f"{loss.item():.4f}",  # of the batch
                'ce_loss': f"{ce_loss.item():.4f}",
                'dice': f"{losses['dice'].item():.4f}",
                'lr': lr,
            })
        """,
    ),
    "the last entry, without a comma": (
        """
        wandb.log(
            {
                "step": i,
                "loss": loss  # a tensor
            }
        )
        """,
        """
        wandb.log(
            {
                "step": i,
                "loss": loss,  # a tensor
                "ce_loss": ce_loss,
                "dice": losses["dice"]
            }
        )
        """,
    ),
    "the last entry, without a comma or a comment": (
        """
        wandb.log({
            "step": i,
            "loss": loss
        })
        """,
        """
        wandb.log({
            "step": i,
            "loss": loss,
            "ce_loss": ce_loss,
            "dice": losses["dice"]
        })
        """,
    ),
    "one keyword a line": (
        """
        bar.set_postfix(
            loss=loss.item(),
            lr=lr,
        )
        """,
        """
        bar.set_postfix(
            loss=loss.item(),
            ce_loss=ce_loss.item(),
            dice=losses["dice"].item(),
            lr=lr,
        )
        """,
    ),
    "aligned arguments": (
        """
        print('Epoch {} Loss: {:.6f} accuracy of the first hundred batches {}'
              .format(epoch_number, loss.item(), accuracy_of_first_batches))
        """,
        """
        print('Epoch {} Loss: {:.6f} ce_loss: {:.6f} dice: {:.6f} accuracy of the first hundred batches {}'
              .format(epoch_number, loss.item(),
                      ce_loss.item(), losses["dice"].item(), accuracy_of_first_batches))
        """,
    ),
    "parts of a string": (
        """
        print(f"Epoch {e} "
              f"loss: {loss:.3f} "
              f"acc: {acc}")
        """,
        """
        print(f"Epoch {e} "
              f"loss: {loss:.3f} ce_loss: {ce_loss:.3f} dice: {losses['dice']:.3f} "
              f"acc: {acc}")
        """,
    ),
    "too long for one line: arguments a level deeper": (
        """
        if step:
            progress.set_postfix(loss=loss.item(), lr=scheduler.get_last_lr()[0], acc=acc)
        """,
        """
        if step:
            progress.set_postfix(
                loss=loss.item(),
                ce_loss=ce_loss.item(),
                dice=losses["dice"].item(),
                lr=scheduler.get_last_lr()[0],
                acc=acc,
            )
        """,
    ),
    "too long for one line, short enough a level deeper": (
        """
        progress_of_this_training_run.set_postfix(loss=loss.item(), lr=lr)
        """,
        """
        progress_of_this_training_run.set_postfix(
            loss=loss.item(), ce_loss=ce_loss.item(), dice=losses["dice"].item(), lr=lr
        )
        """,
    ),
    "too long for one line: a dictionary in a call": (
        """
        wandb.log({"train/loss": loss.item(), "train/learning_rate": lr, "step": step}, step=step)
        """,
        """
        wandb.log(
            {
                "train/loss": loss.item(),
                "train/ce_loss": ce_loss.item(),
                "train/dice": losses["dice"].item(),
                "train/learning_rate": lr,
                "step": step,
            },
            step=step,
        )
        """,
    ),
    "too long for one line: a text": (
        """
        logger.info(f"Epoch {epoch} of {epochs}, step {step}: loss {loss.item():.4f}, lr {lr:.2e}")
        """,
        """
        logger.info(
            f"Epoch {epoch} of {epochs}, step {step}: loss {loss.item():.4f}, ce_loss {ce_loss.item():.4f}, dice {losses['dice'].item():.4f}, lr {lr:.2e}"
        )
        """,
    ),
    "two spaces, and a call below that is too long": (
        """
        if step:
          writer.add_scalar('{}/loss'.format(name_of_the_training_run), loss.item(), global_step_n)
        """,
        """
        if step:
          writer.add_scalar('{}/loss'.format(name_of_the_training_run), loss.item(), global_step_n)
          writer.add_scalar('{}/ce_loss'.format(name_of_the_training_run), ce_loss.item(), global_step_n)
          writer.add_scalar(
            '{}/dice'.format(name_of_the_training_run), losses["dice"].item(), global_step_n
          )
        """,
    ),
    "calls below": (
        """
        def training_step(self, batch):
            self.log(
                "loss",
                loss,
                prog_bar=True,
            )
            return loss
        """,
        """
        def training_step(self, batch):
            self.log(
                "loss",
                loss,
                prog_bar=True,
            )
            self.log(
                "ce_loss",
                ce_loss,
                prog_bar=True,
            )
            self.log(
                "dice",
                losses["dice"],
                prog_bar=True,
            )
            return loss
        """,
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_of_a_call_stays_what_it_was(name: str) -> None:
    before, after = LAYOUTS[name]
    assert fixed(dedent(before)) == (after and dedent(after))


NOTHING = [
    "print(loss.item())",  # nothing says what it is
    "print(i, loss)",
    "print('loss', loss, sep='')",
    "pbar.set_description(f'{loss:.3f}')",
    "print(f'perplexity {math.exp(loss)}')",  # a part of the loss has none
    "print(f'loss {loss + reg}')",
    "print(f'loss {1 / loss}')",
    "print(f'loss {loss:.3f}, ce_loss {x}')",  # the name is taken
    "bar.set_postfix(loss=loss, ce_loss=0)",
    "bar.set_postfix({'loss': loss, 'ce_loss': 0})",
    "metric_logger.update(loss=loss, **loss_dict)",  # the names may be taken
    "bar.set_postfix({'loss': loss, **loss_dict})",
    "bar.set_postfix(OrderedDict([('loss', loss)]))",
    "bar.set_postfix({name: loss})",
    "losses.update(loss, n)",  # a meter of its own
    "meter.update(val=loss, n=1)",
    "progress.update(task, description=loss)",
    "print('loss %(loss).3f' % {'loss': loss})",
    "print('loss %*d' % (3, loss))",
    "print('loss {:{w}}'.format(loss, w=3))",
    "print('loss {} {}'.format(*args, loss))",
    "print('loss {0} {0}'.format(loss))",
    "print(text % loss)",
    "print('loss: ' + str(loss))",
    "print('loss', [loss])",
    "print('loss', compute(loss))",
    "print('loss', np.mean(loss))",  # of a list of them
    "log_images('train', batch, loss)",
    "if verbose: writer.add_scalar('loss', loss, step)",
    "a = 1; writer.add_scalar('loss', loss, step)",
    "writer.add_scalar(tag, loss, step)",
    "pbar.desc = loss",
    "print(rb'' if loss else 0)",
    "print(lambda: loss)",
]


@pytest.mark.parametrize("code", NOTHING)
def test_what_is_not_understood_is_left_alone(code: str) -> None:
    assert fixed(f"{code}\n") is None


@pytest.mark.parametrize(
    "components",
    [
        (),
        (("a", "not an expression"),),
        (("a", "a"), ("a", "b")),
        (("", "a"),),
        (("a", "(a,\nb)"),),
    ],
    ids=str,
)
def test_components_that_cannot_be_written_are_not(components: Any) -> None:
    assert fixed("bar.set_postfix(loss=loss)\n", components) is None


@pytest.mark.parametrize("label", ["lambda", "ce-loss", "ce loss", "1"])
def test_a_keyword_is_an_identifier(label: str) -> None:
    assert fixed("bar.set_postfix(loss=loss)\n", ((label, "x"),)) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bar.set_postfix(loss=loss_value)", "bar.set_postfix(loss=loss_value, ce=ce.item())"),
        ('print(f"loss {loss_value:.3f}")', 'print(f"loss {loss_value:.3f}, ce {ce.item():.3f}")'),
        (
            'print("loss", loss_value / n)',
            'print("loss", loss_value / n, "ce", ce.item() / n)',
        ),
    ],
)
def test_what_stands_beside_a_number_becomes_one(before: str, after: str) -> None:
    assert fixed(before, (("ce", "ce"),), "loss_value", ".item()") == after


def test_a_component_is_one_operand() -> None:
    assert fixed("print('loss', loss.item())", (("kl", "0.1 * kl"),)) == (
        "print('loss', loss.item(), 'kl', (0.1 * kl).item())"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(f'loss {loss}')", "print(f'loss {loss}, {{a}}% {x}')"),
        ("print('loss %s' % loss)", "print('loss %s, {a}%% %s' % (loss, x))"),
        ("print('loss {}'.format(loss))", "print('loss {}, {{a}}% {}'.format(loss, x))"),
    ],
)
def test_signs_of_a_label_are_text(before: str, after: str) -> None:
    assert fixed(before, (("{a}%", "x"),)) == after


def test_quotes_inside_an_f_string_are_not_its_own() -> None:
    taken = (("x", "losses['a'] + losses[\"b\"]"),)
    assert fixed("print(f'loss {loss}')", taken) is None
    assert fixed("print('loss', loss)", taken) is not None
    assert fixed('print(f"""loss {loss}""")', (("x", 'd["x"]'),)) == (
        'print(f"""loss {loss}, x {d["x"]}""")'
    )


def test_offsets_count_bytes() -> None:
    assert fixed("print('épôque', é, 'loss → %.2f; loss: %.2f' % (é, loss))", (("é", "é"),)) == (
        "print('épôque', é, 'loss → %.2f; loss: %.2f; é: %.2f' % (é, loss, é))"
    )


class Tensor(float):
    """A number that can do what is done to a loss before it is shown."""

    data = property(float)

    def item(self) -> float:
        return float(self)

    detach = float = cpu = lambda self: self


class Recorder:
    """Takes whatever it is called with, under whatever name."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self.calls.append((name, args, kwargs))


@pytest.mark.parametrize("code", [before for before, _ in ONE_LINE])
def test_old_values_stay_and_every_new_one_appears(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (_numbers(text, capsys) for text in (code, fixed(f"{WIDE}\n{code}\n") or ""))
    rest = iter(new)
    assert all(number in rest for number in old), "what was shown is still there, in its order"
    assert 3.0 in old
    assert not {7.0, 9.0} & set(old)
    assert {3.0, 7.0, 9.0} <= set(new)


def _numbers(code: str, capsys: pytest.CaptureFixture[str]) -> list[float]:
    """Every number that a person sees when `code` runs."""
    recorder = Recorder()
    others = (
        "pbar metric_logger wandb self accelerator writer logger mlflow task_logger Bar".split()
    )
    scope: dict[str, Any] = dict.fromkeys(others, recorder) | {
        "logging": recorder,
        "progress_bar": lambda *args: recorder.calls.append(args),
        "loss": Tensor(3),
        "ce_loss": Tensor(7),
        "losses": {"dice": Tensor(9)},
        "phase": "train",
        "p": Tensor(1),
        "i": 0,
        **dict.fromkeys("lr step acc e n epoch".split(), 1),
    }
    vars(recorder)["INFO"] = 20
    exec(code, scope)
    seen = f"{capsys.readouterr().out} {recorder.calls} {vars(recorder).get('suffix')}"
    seen += str(vars(recorder).get("desc"))
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", seen)]
