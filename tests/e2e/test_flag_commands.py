"""flagmesh flags, history, import and keygen --token, as people and programs use them."""
import json
import unittest

from harness import process
from harness.mesh import CHECKOUT, Mesh, MeshTest

MORE = """flags:
  banner: { state: ENABLED, variants: { blue: "#00f", red: "#f00" }, defaultVariant: blue, rollout: { red: 10, blue: 90 } }
"""


class FlagCommands(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self)
        self.mesh.engine()
        self.mesh.router(routes=[self.mesh.checkout_route()])
        self.engine = f"http://{self.mesh.api}"

    def call(self, *arguments, code=0):
        return process.run(*arguments, "--engine", self.engine, code=code)

    def test_flags_as_a_table_and_as_json(self):
        table = self.call("flags").stdout
        self.assertRegex(table, r"checkout +ENABLED +file +off +off=75,on=25")
        self.assertEqual(json.loads(self.call("flags", "--json").stdout)["flags"]["checkout"]["owner"], "file")

    def test_import_shows_what_it_would_do_then_does_it(self):
        file = self.write("more.yaml", MORE)
        self.assertIn("banner", self.call("import", file, "--dry-run").stdout)
        self.assertNotIn("banner", self.call("flags").stdout)
        self.assertIn("published as epoch", self.call("import", file).stdout)
        self.assertRegex(self.call("flags").stdout, r"banner +ENABLED +api")
        self.assertIn("nothing would change", self.call("import", file, "--dry-run").stdout)
        self.assertIn("banner", self.call("history").stdout)

    def test_a_bad_file_changes_nothing(self):
        broken = self.write("broken.yaml", "flags: [")
        self.assertIn("broken.yaml:1", self.call("import", broken, code=2).stderr)
        wrong = self.write("wrong.yaml", "flags:\n  a: { state: ENABLED, variants: { x: 1 } }\n  b: { state: ENABLED }\n")
        self.assertIn("variants", self.call("import", wrong, code=1).stderr)
        self.assertEqual(list(json.loads(self.call("flags", "--json").stdout)["flags"]), ["checkout"])

    def test_history_of_a_flag(self):
        self.call("set", "checkout", "--rollout", "on=50,off=50")
        self.call("set", "checkout", "--kill", "off")
        lines = self.call("history", "checkout", "--limit", "1").stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"api +checkout +kill off")
        self.assertEqual(CHECKOUT["rollout"], {"on": 25, "off": 75})


if __name__ == "__main__":
    unittest.main()
