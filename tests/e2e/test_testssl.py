"""testssl.sh looks at a TLS listener: nothing of medium severity or worse. Skipped where it is not installed (scripts/setup --clients)."""
import json
import shutil
import subprocess
import sys
import unittest

from harness import nginx, plain_router, tls
from harness.mesh import MeshTest
from harness.waiting import SLOWNESS

TESTSSL = shutil.which("testssl")
BAD = {"MEDIUM", "HIGH", "CRITICAL"}


@unittest.skipUnless(TESTSSL, "testssl.sh is not installed: scripts/setup --clients")
class TestSsl(MeshTest):
    def test_no_finding_of_medium_severity_or_worse(self):
        ca = tls.Authority(self.folder / "certs")
        # As public authorities issue them: for 90 days, with a place to ask whether it is revoked.
        pair = ca.issue("shop", "DNS:shop.test", days=90, more="authorityInfoAccess=OCSP;URI:http://ocsp.test/\n")
        web = nginx.start(self, "web", fields={  # what is a container's to say
            "Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
            "Content-Security-Policy": "default-src 'self'"})
        router = plain_router.start(self, [web.address], listeners=[
            {"address": "127.0.0.1:0", "tls": {"certificates": [pair | {"ocsp": ca.ocsp("shop")}]}}])
        report = self.folder / "testssl.json"
        port = router.address.rpartition(":")[2]
        done = subprocess.run([
            TESTSSL, "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--ip", "127.0.0.1", "--add-ca", ca.pem,
            "--jsonfile", report, f"https://shop.test:{port}/"], capture_output=True, text=True, timeout=900 * SLOWNESS, cwd=self.folder)
        findings = json.loads(report.read_text())
        self.assertGreater(len(findings), 60, done.stdout + done.stderr)
        bad = [f"{one['severity']} {one['id']}: {one['finding']}" for one in findings if one["severity"] in BAD]
        low = [f"{one['severity']} {one['id']}: {one['finding']}" for one in findings if one["severity"] in {"LOW", "WARN"}]
        print(f"testssl.sh: {len(findings)} findings; low or warnings: {low}", file=sys.stderr)
        self.assertEqual(bad, [], done.stdout)


if __name__ == "__main__":
    unittest.main()
