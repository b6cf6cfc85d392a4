"""`trunkline completion`: what a shell needs to complete commands, options, apps and instances."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_TRUNKLINE_COMPLETE"


@click.command(
    epilog="""\b
Examples:
  trunkline completion bash >> ~/.bashrc
  trunkline completion zsh >> ~/.zshrc
  trunkline completion fish > ~/.config/fish/completions/trunkline.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a shell's completion script."""
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    click.echo(kind(ctx.find_root().command, {}, "trunkline", VARIABLE).source())


__all__ = ["command"]
