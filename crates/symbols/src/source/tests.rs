use expect_test::{Expect, expect};

use super::*;

/// `FIRST-LAST:LINE KIND NAME (in PARENT) | SIGNATURE`
#[track_caller]
fn check(language: Language, text: &str, expected: Expect) {
    let source = read(language, text, || false).unwrap();
    let mut shown = String::new();
    for symbol in &source.symbols {
        let Symbol { name, kind, line, first, last, parent, local, signature } = symbol;
        let parent = parent.map_or(String::new(), |parent| format!(" in {}", source.symbols[parent as usize].name));
        let local = if *local { " local" } else { "" };
        shown += &format!("{first}-{last}:{line} {kind:?}{local} {name}{parent} | {signature}\n");
    }
    expected.assert_eq(&shown);
}

#[test]
fn rust() {
    check(
        Language::Rust,
        "\
//! Room.

/// A thing
/// of two lines.
#[derive(Debug)]
pub struct Thing<T> {
    a: T, // not about what follows
}
impl<T: Clone> Thing<T> {
    /// Makes.
    pub fn new(
        a: T,
        b: u8,
    ) -> Self {
        fn helper() {}
        const LOCAL: u8 = 1;
        loop {}
    }
}

// Apart.

enum E { A }
trait Tr { fn must(&self) -> u8; }
pub const MOST: usize = 3;
macro_rules! mac { () => {} }
mod inner { fn deep() {} }
mod elsewhere;
",
        expect![[r#"
            3-8:6 Type Thing | pub struct Thing<T>
            9-19:9 Scope Thing | impl<T: Clone> Thing<T>
            10-18:11 Function new in Thing | pub fn new(a: T, b: u8,) -> Self
            15-15:15 Function local helper in new | fn helper()
            23-23:23 Type E | enum E
            24-24:24 Type Tr | trait Tr
            24-24:24 Function must in Tr | fn must(&self) -> u8
            25-25:25 Constant MOST | pub const MOST: usize = 3
            26-26:26 Function mac | macro_rules! mac { () => {} }
            27-27:27 Scope inner | mod inner
            27-27:27 Function deep in inner | fn deep()
        "#]],
    );
}

#[test]
fn python() {
    check(
        Language::Python,
        "\
MOST: int = 3
a.b = 1

@cache
@other(1)
def f(x, *, y=1) -> int:
    local = 1
    def inner(): pass
    return x

class A(B):
    field = 1
    # About m.
    async def m(self):
        pass
",
        expect![[r#"
            1-1:1 Constant MOST | MOST: int = 3
            4-9:6 Function f | def f(x, *, y=1) -> int
            8-8:8 Function local inner in f | def inner()
            11-15:11 Type A | class A(B)
            13-15:14 Function m in A | async def m(self)
        "#]],
    );
}

#[test]
fn typescript_and_javascript() {
    check(
        Language::TypeScript,
        "\
/** Doc. */
export default class A extends B {
  m(a: number): string { return ''; }
}
export const f = async (x) => {
  const local = 1;
  return x;
};
const LIMIT = 3, OTHER = 4;
export interface I { a: number }
type T = string | number;
enum E { X }
function g<T>(a: T): void {}
var h = function () {};
describe('x', () => { function inner() {} });
",
        expect![[r#"
            1-4:2 Type A | export default class A extends B
            3-3:3 Function m in A | m(a: number): string
            5-8:5 Function f | export const f = async (x)
            9-9:9 Constant LIMIT | const LIMIT = 3
            9-9:9 Constant OTHER | OTHER = 4
            10-10:10 Type I | export interface I
            11-11:11 Type T | type T = string | number
            12-12:12 Type E | enum E
            13-13:13 Function g | function g<T>(a: T): void
            14-14:14 Function h | var h = function ()
            15-15:15 Function inner | function inner()
        "#]],
    );
}

#[test]
fn go() {
    check(
        Language::Go,
        "\
package a

const (
\tOne = 1
\tTwo = 2
)

// S is one.
type S struct {
\tA int
}

func (s *S) M(a int) error {
\tvar local = 1
\treturn nil
}

func F() {}
",
        expect![[r#"
            3-4:4 Constant One | One = 1
            5-5:5 Constant Two | Two = 2
            8-11:9 Type S | type S struct
            13-16:13 Function M | func (s *S) M(a int) error
            18-18:18 Function F | func F()
        "#]],
    );
}

#[test]
fn c() {
    check(
        Language::C,
        "\
#define MOST 3
#define TWICE(x) ((x) * 2)
struct point { int x; int (*cb)(void); };
typedef struct { int a; } pair_t;
static const char *name_of(struct point *p, int (*cb)(int));
/* About. */
int
main(int argc, char **argv)
{
    struct point p;
    return other();
}
",
        expect![[r#"
            1-1:1 Constant MOST | #define MOST 3
            2-2:2 Function TWICE | #define TWICE(x) ((x) * 2)
            3-3:3 Type point | struct point
            4-4:4 Type pair_t | typedef struct pair_t
            5-5:5 Function name_of | static const char *name_of(struct point *p, int (*cb)(int))
            6-12:7 Function main | int main(int argc, char **argv)
        "#]],
    );
}

#[test]
fn bash() {
    check(
        Language::Bash,
        "say() {\n  echo hi\n}\nfunction other { say; }\n",
        expect![[r#"
        1-3:1 Function say | say()
        4-4:4 Function other | function other
    "#]],
    );
}

#[test]
fn names_are_counted() {
    let source = read(Language::Rust, "fn main() { abc(); abc(); xy() }", || false).unwrap();
    let count =
        |name| source.names.iter().find(|(at, _)| *at == Name::of(Language::Rust, name)).map(|(_, count)| *count);
    assert_eq!((count("abc"), count("main"), count("xy")), (Some(2), Some(1), None));
}

#[test]
fn hostile_texts_end_in_time_and_memory() {
    let deep = 20_000;
    let texts = [
        "(".repeat(deep),
        "[".repeat(deep) + &"]".repeat(deep),
        "fn a() { ".repeat(deep / 4),
        "{".repeat(deep) + &"}".repeat(deep),
        "def f():\n ".repeat(deep / 4),
        "\0\u{1}\u{fffd}".repeat(deep),
        "a".repeat(deep),
        "fn f() {}\n".repeat(deep / 4),
        (0..10_000).map(|number| format!("n{number:05} ")).collect(),
    ];
    for text in &texts {
        for language in
            [Language::Rust, Language::Python, Language::TypeScript, Language::Go, Language::C, Language::Bash]
        {
            let mut asked = 0;
            let source = read(language, text, || {
                asked += 1;
                50 < asked
            });
            let Some(source) = source else { continue };
            assert!(source.symbols.len() <= MOST_SYMBOLS && source.names.len() <= MOST_NAMES);
            assert!(source.symbols.iter().all(|symbol| symbol.signature.len() <= SIGNATURE_BYTES));
        }
    }
    assert_eq!(read(Language::C, &"a".repeat(LARGEST_BYTES + 1), || false), None);
    assert_eq!(read(Language::Rust, &"fn a() { b(c) }\n".repeat(10_000), || true), None);
}
