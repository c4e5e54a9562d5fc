"""Node and what tests/e2e/node/package-lock.json names from npm, which goes to build/e2e-node."""
import shutil
import subprocess

from harness import process

FOLDER = process.ROOT / "tests/e2e/node"
MODULES = process.ROOT / "build/e2e-node/node_modules"


def environment():
    """For running scripts of tests/e2e/node; installs their modules first if need be."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise FileNotFoundError("node and npm: run scripts/setup --test")
    done = subprocess.run([FOLDER / "install"], capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        raise RuntimeError(f"npm: {done.stderr}")
    return {"NODE_PATH": str(MODULES)}
