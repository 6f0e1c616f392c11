//! Blank lines of context that the file has otherwise; and anchors that are the beginning of a line.

use super::*;

const FILE: &str = "import os\nimport sys\n\n\ndef main():\n    run()\n\n    stop()\n\n\nmain()\n";

#[test]
fn the_files_blank_lines_stay() {
    check_hunk(
        FILE,
        " import os\n-import sys\n+import json\n def main():\n     run()\n",
        expect![[r#"
        import os
        import json


        def main():
            run()

            stop()


        main()
        (hunk 1 was applied at line 1 with the file's blank lines between its lines)
    "#]],
    );
    check_hunk(
        FILE,
        "     run()\n-    stop()\n+    end()\n main()\n",
        expect![[r#"
        import os
        import sys


        def main():
            run()

            end()


        main()
        (hunk 1 was applied at line 6 with the file's blank lines between its lines)
    "#]],
    );
    check_hunk(
        FILE,
        " import sys\n \n-def main():\n+def start():\n \n     run()\n     stop()\n",
        expect![[r#"
        import os
        import sys


        def start():
            run()

            stop()


        main()
        (hunk 1 was applied at line 2 with the file's blank lines between its lines)
    "#]],
    );
    check_hunk(
        FILE,
        " import os\n \n+import json\n import sys\n",
        expect![[r#"
        import os
        import json
        import sys


        def main():
            run()

            stop()


        main()
        (hunk 1 was applied at line 1 with the file's blank lines between its lines)
    "#]],
    );
}

#[test]
fn a_new_line_on_either_side_of_a_blank_one_is_not_guessed() {
    check_hunk(
        FILE,
        " import os\n import sys\n+import json\n def main():\n     run()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`+import json`) matches nowhere. The closest lines are:
             1 | import os
             2 | import sys
             3 | 
             4 | 
        Line 3 differs: the hunk has `def main():`, the file has ``. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
    check_hunk(
        FILE,
        " import os\n import sys\n \n+import json\n def main():\n     run()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`+import json`) matches nowhere. The closest lines are:
             1 | import os
             2 | import sys
             3 | 
             4 | 
             5 | def main():
        Line 4 differs: the hunk has `def main():`, the file has ``. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn a_blank_line_between_lines_that_go_is_not_kept_nor_taken() {
    check_hunk(
        FILE,
        " def main():\n-    run()\n-    stop()\n+    end()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`-    run()`) matches nowhere. The closest lines are:
             5 | def main():
             6 |     run()
             7 | 
        Line 7 differs: the hunk has `    stop()`, the file has ``. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
    check_hunk(
        FILE,
        " def main():\n-    run()\n-\n-\n-    stop()\n+    end()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`-    run()`) matches nowhere. The closest lines are:
             5 | def main():
             6 |     run()
             7 | 
             8 |     stop()
             9 | 
        Line 8 differs: the hunk has ``, the file has `    stop()`. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn counts_that_promise_another_line_that_goes() {
    check(
        FILE,
        "--- a/x\n+++ b/x\n@@ -6,4 +6,2 @@\n     run()\n-    stop()\n main()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ -6,4 +6,2 @@`) matches nowhere. The closest lines are:
             6 |     run()
             7 | 
             8 |     stop()
        Line 7 differs: the hunk has `    stop()`, the file has ``. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn an_anchor_that_is_the_beginning_of_a_line() {
    let file = "class A(B):\n    x = 1\nclass AB(B):\n    x = 1\n";
    check(
        file,
        "--- a/x\n+++ b/x\n@@ class A\n-    x = 1\n+    x = 2\n",
        expect![[r#"
        class A(B):
            x = 2
        class AB(B):
            x = 1
        (hunk 1 was applied at line 2 choosing the match below its @@ anchor)
    "#]],
    );
    check(
        file,
        "--- a/x\n+++ b/x\n@@ class\n-    x = 1\n+    x = 2\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ class`) matches 2 places: lines 2, 4.
             1 | class A(B):
             2 |     x = 1
             3 | class AB(B):
           ...
             3 | class AB(B):
             4 |     x = 1
        Add context lines that only the right place has.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}
