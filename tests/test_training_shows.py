"""Which calls show a value to a person, and which value that is."""

from __future__ import annotations

import libcst as cst
import pytest

from losslint.model.names import Names
from losslint.training.shows import shown

SHOWN = {
    "print(loss)": ["loss"],
    "print('loss', loss, end='', file=log)": ["'loss'", "loss"],
    "fabric.print(loss)": ["loss"],
    "print_rank_0(f'loss {loss}')": ["f'loss {loss}'"],
    "click.echo(loss)": ["loss"],
    "console.print(loss, style='red')": ["loss"],
    "display(loss)": ["loss"],
    "sys.stdout.write('loss %f' % loss)": ["'loss %f' % loss"],
    "f.write(json.dumps(stats) + '\\n')": ["json.dumps(stats) + '\\n'"],
    "tqdm.write(str(loss))": ["str(loss)"],
    # bars
    "pbar.set_postfix(loss=loss, lr=lr, refresh=False)": ["loss", "lr"],
    "pbar.set_postfix({'loss': loss})": ["{'loss': loss}"],
    "pbar.set_postfix(**losses)": ["losses"],
    "pbar.set_postfix_str(text)": ["text"],
    "pbar.set_description(f'{loss}', refresh=True)": ["f'{loss}'"],
    "pbar.set_description(desc=text)": ["text"],
    "progress.update(task, advance=1, description=text)": ["text"],
    "Bar.suffix = Bar.suffix + text": ["Bar.suffix + text"],
    "bar.suffix += text": ["text"],
    "pbar.postfix = {'loss': loss}": ["{'loss': loss}"],
    "pbar.desc = text": ["text"],
    "progress_bar(i, n, 'Loss: %.3f' % loss)": ["'Loss: %.3f' % loss"],
    # logging
    "logging.info('%f', loss)": ["'%f'", "loss"],
    "self.logger.debug(loss)": ["loss"],
    "logging.getLogger(__name__).warning(loss, exc_info=True)": ["loss"],
    "logger.log(logging.INFO, 'loss %f', loss)": ["logging.INFO", "'loss %f'", "loss"],
    "log_string('loss: ' + str(loss))": ["'loss: ' + str(loss)"],
    "my_log('a {}'.format(loss))": ["'a {}'.format(loss)"],
    "out('a' f'{loss}')": ["'a' f'{loss}'"],
    "warnings.warn(text)": ["text"],
    # trackers
    "writer.add_scalar('loss', loss.item(), step)": ["loss.item()"],
    "writer.add_scalar(tag='loss', scalar_value=loss, global_step=i)": ["loss"],
    "writer.add_scalars('loss', {'ce': ce}, step)": ["{'ce': ce}"],
    "self.writer.add_histogram('loss', losses, step)": ["losses"],
    "wandb.log({'loss': loss}, step=i)": ["{'loss': loss}"],
    "wandb.log(metrics)": ["metrics"],
    "mlflow.log_metric('loss', loss, step=i)": ["loss"],
    "experiment.log_metrics(metrics, step=i)": ["metrics"],
    "run['train/loss'].append(loss)": ["loss"],
    "neptune_run['loss'].log(loss)": ["loss"],
    "task_logger.report_scalar('loss', 'ce', loss, i)": ["loss"],
    "task_logger.report_scalar(title='loss', series='ce', value=loss, iteration=i)": ["loss"],
    "run.track(loss, name='loss')": ["loss"],
    "vis.line(Y=loss, X=i, win='loss')": ["loss"],
    "self.log('loss', loss, prog_bar=True)": ["'loss'", "loss"],
    "self.log_dict(losses, on_step=True)": ["losses"],
    "accelerator.log({'loss': loss}, step=i)": ["{'loss': loss}"],
    "self.logger.record('train/loss', loss)": ["loss"],
    "sw.summ_scalar('loss', loss)": ["loss"],
    "storage.put_scalars(total_loss=loss, **losses)": ["loss", "losses"],
    "self._log_losses(losses)": ["losses"],
    "csv_writer.writerow([i, loss])": ["[i, loss]"],
    "train.report({'loss': loss})": ["{'loss': loss}"],
    "table.add_row(a, b)": ["a", "b"],
    # meters
    "metric_logger.update(loss=loss, **scaled)": ["loss", "scaled"],
    "logger.store(LossPi=loss)": ["loss"],
}

SILENT = [
    "torch.log(x)",
    "np.log(x)",
    "F.log_softmax(x, dim=1)",
    "tl.store(ptr, loss)",
    "dist.log_prob(x)",
    "x.log()",
    "losses.append(loss)",
    "history['loss'].append(loss)",
    "losses.update(loss, n)",
    "meter.update(loss.item(), n=8)",
    "stats.update(d)",
    "torch.save(model, f'{loss}.pt')",
    "save_checkpoint(model, f'{loss}.pt')",
    "open(f'{loss}.txt')",
    "os.path.join(root, f'{loss}')",
    "os.makedirs(f'{loss}')",
    "ValueError(f'loss is {loss}')",
    "sys.exit(f'loss is {loss}')",
    "parser.add_argument(f'--{name}')",
    "lines.append(f'{loss}')",
    "plt.title(f'{loss}')",
    "draw.text((0, 0), label)",
    "ax.line(x, y)",
    "track(loader)",
    "event.record(stream)",
    "print()",
    "loss.backward()",
    "criterion(f'plain', x)",
    "(lambda: 0)(f'')",
    "x = f'{loss}'",
    "self.total = loss",
    "x += loss",
]


def _shown(code: str, imports: str = "", monitors: tuple[str, ...] = ()) -> list[str] | None:
    tree = cst.parse_module(f"{imports}\n{code}\n")
    line = tree.body[-1]
    assert isinstance(line, cst.SimpleStatementLine)
    small = line.body[0]
    node = small.value if isinstance(small, cst.Expr) else small
    found = shown(node, Names(tree), monitors)
    return None if found is None else [tree.code_for_node(part) for part in found]


@pytest.mark.parametrize("code", SHOWN)
def test_what_a_person_sees(code: str) -> None:
    assert _shown(code) == SHOWN[code]


@pytest.mark.parametrize("code", SILENT)
def test_other_calls_show_nothing(code: str) -> None:
    assert _shown(code) is None


def test_a_logarithm_by_any_name_shows_nothing() -> None:
    assert _shown("log(x)", "from math import log") is None
    assert _shown("l(x)", "from torch import log as l") is None
    assert _shown("t.log(x)", "import torch as t") is None


@pytest.mark.parametrize(
    ("code", "imports", "monitor"),
    [
        ("observe(loss)", "from lib.watch import observe", "lib.watch.observe"),
        ("observe(loss)", "from lib.watch import observe", "lib.watch:observe"),
        ("observe(loss)", "from .watch import observe", "lib.watch.observe"),
        ("observe(loss)", "", "lib.watch:observe"),
        ("observe(loss)", "from lib.watch import observe", "observe"),
        ("self.watcher.observe(loss)", "", "observe"),
        ("w.observe(loss)", "import lib.watch as w", "lib.watch.observe"),
    ],
)
def test_the_projects_own_monitors_show_what_they_get(
    code: str, imports: str, monitor: str
) -> None:
    assert _shown(code, imports) is None
    assert _shown(code, imports, (monitor,)) == ["loss"]


def test_another_function_of_the_same_name_is_no_monitor() -> None:
    imports = "from other import observe"
    assert _shown("observe(loss)", imports, ("lib.watch.observe",)) is None


def test_nothing_else_shows() -> None:
    assert shown(cst.Name("loss"), Names(cst.parse_module(""))) is None
