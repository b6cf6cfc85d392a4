"""What a running app's journal may be asked."""

import ast
import inspect

from runtime import reading
from runtime.journal import Reader
from runtime.shells.reads import ASKABLE


def test_whatever_is_read_of_a_journal_at_rest_is_answered_by_a_running_app() -> None:
    texts = {node.value for node in ast.walk(ast.parse(inspect.getsource(reading))) if isinstance(node, ast.Constant)}

    asked = texts & {name for name in vars(Reader) if not name.startswith("_")}

    assert {"of_app", "group", "log"} <= asked <= ASKABLE
