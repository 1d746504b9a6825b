"""Which models a server has: folders that were named, and what is in a folder of folders; nothing else is read."""

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.data import Roles
from treadle.errors import InputError
from treadle.tasks.config import CONFIG
from treadle.tasks.folder import FEATURES, WEIGHTS, load_model

READ = (CONFIG, FEATURES, WEIGHTS)
"""All that is read of a model folder."""


@dataclass(frozen=True)
class Opened:
    """A model of the zoo.

    Attributes:
        name: By which requests ask for it: that of its folder.
        folder: Where it is.
        estimator: It, fitted.
        roles: Of the columns that it was trained on, where it has any.
    """

    name: str
    folder: Path
    estimator: Any
    roles: Roles | None


def open_zoo(places: Iterable[str | Path], warn: Callable[[str], None]) -> list[Opened]:
    """Open every model of the places.

    Args:
        places: Model folders, and folders of model folders.
        warn: Is told of every folder in a folder that cannot be served; a model folder that was named itself must be.

    Raises:
        InputError: A named folder cannot be served, or there is no model at all, or two have one name.
    """
    roots = [Path(place).resolve() for place in places]
    opened: list[Opened] = []
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root}: found {'a file' if root.exists() else 'nothing'}, expected a folder of a model")
        if (root / CONFIG).exists():
            opened.append(open_model_folder(root, roots))
            continue
        inside = [one for one in sorted(root.iterdir()) if one.is_symlink() or (one / CONFIG).exists()]
        for folder in inside:
            try:
                opened.append(open_model_folder(folder, roots))
            except InputError as error:
                warn(str(error))
        if not inside:
            raise InputError(f"{root}: holds no model, expected folders as `treadle train` writes them")
    if not opened:
        raise InputError("there is no model that can be served")
    for place, one in enumerate(opened):
        twin = next((other for other in opened[:place] if other.name == one.name), None)
        if twin is not None:
            raise InputError(f"{twin.folder} and {one.folder} have one name, by which a request could not choose")
    return opened


def open_model_folder(folder: Path, roots: Iterable[Path]) -> Opened:
    """Open one model, if all that it reads lies in the folders that are served.

    Args:
        folder: Of the model.
        roots: The folders that are served.

    Raises:
        InputError: The folder or a file of it is a link or no plain file, the model names a place elsewhere that it
            would read, or it is damaged.
    """
    if folder.is_symlink():
        raise InputError(f"{folder}: is a link, and a server reads only the folders that it was given")
    for name in READ:
        path = folder / name
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            raise InputError(f"{folder}: holds no {name}, expected a trained model") from None
        if not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
            raise InputError(f"{path}: is {kind}, and a server reads only the files of the folders that it was given")
    estimator, roles = load_model(folder)
    _check_named(folder, estimator, roots)
    return Opened(folder.name, folder, estimator, roles)


def _check_named(folder: Path, estimator: Any, roots: Iterable[Path]) -> None:
    """A recogniser may name a language model that it reads when it answers: then that lies in a served folder, too."""
    named = estimator.get_params().get("language_model")
    if named is None:
        return
    path = Path(named).resolve()
    if not any(path.is_relative_to(root) for root in roots):
        raise InputError(
            f"{folder / CONFIG}: language_model is {named!r}, outside of the folders that are served; serve it beside "
            "the recogniser, or leave it out"
        )
