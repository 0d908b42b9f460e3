"""Write the secrets that docker-compose.yml reads, each once: what is there is never changed.

They are kept from others by the folder, which only its owner may enter. The files themselves must be readable by
everyone: Compose hands them over as they are, and the user in the container is not their owner.
"""

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(__file__).parent.parent / "secrets"


def make(folder: Path) -> list[str]:
    """Returns the names of the files that were missing. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = []

    def once(name: str, content: str) -> str:
        path = folder / name
        if not path.exists():
            draft = path.with_name(f".{name}.{os.getpid()}")
            draft.write_text(content)
            draft.chmod(0o644)
            # Unlike a rename, this never replaces a file that was written meanwhile.
            try:
                path.hardlink_to(draft)
                made.append(name)
            finally:
                draft.unlink()
        return path.read_text().strip()

    url = folder / "database_url"
    known = urlsplit(url.read_text().strip()).password if url.exists() else None
    password = once("postgres_password", known or secrets.token_hex(32))
    once("database_url", f"postgresql://shortener:{password}@postgres:5432/shortener")
    once("secret_key", secrets.token_urlsafe(48))
    return made


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    made = make(folder)
    print(f"Written to {folder}: {', '.join(made)}." if made else f"{folder} is complete; nothing was changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
