//! Small components, written by hand where a test needs to see every instruction.

/// A job whose core module has these `fields` beside its first memory, and whose `run` has this
/// `body`. The body leaves the address of a result; all zeros are an empty outcome, and that is
/// what there is at 1024.
pub(super) fn job(fields: &str, body: &str) -> Vec<u8> {
    component(
        "",
        &format!(
            r#"
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            {fields}
            (func $run (export "run") (param i32 i32) (result i32) {body})
            "#
        ),
    )
}

/// The file that [`with_lines`] names, and the only line in it.
pub(super) const SOURCE: &str = "guest.c:5";

/// A job whose `run` has this `body`, with the debug information (DWARF 4) of a compiler.
pub(super) fn with_lines(body: &str) -> Vec<u8> {
    // One unit, which has its lines at 0 and covers the addresses from 1 on.
    let abbreviations = b"\x01\x11\0\x10\x17\x11\x01\x12\x06\0\0\0";
    let unit = b"\x04\0\0\0\0\0\x04\x01\0\0\0\0\x01\0\0\0\0\x10\0\0";
    let header = b"\x01\x01\x01\xfb\x0e\x0d\0\x01\x01\x01\x01\0\0\0\x01\0\0\x01\0guest.c\0\0\0\0\0";
    // At address 1, four lines further than the first, and so for 4096 bytes.
    let program = b"\0\x05\x02\x01\0\0\0\x03\x04\x01\x02\x80\x20\0\x01\x01";
    let lines = [b"\x04\0", &sized(header)[..], program].concat();
    let sections = [
        (".debug_abbrev", abbreviations.to_vec()),
        (".debug_info", sized(unit)),
        (".debug_line", sized(&lines)),
    ];
    let sections = sections.map(|(name, bytes)| {
        let bytes: Vec<_> = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let bytes = bytes.concat();
        format!(r#"(@custom "{name}" "{bytes}")"#)
    });
    job(&sections.concat(), body)
}

/// `bytes` behind their length.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_le_bytes(), bytes].concat()
}

/// A job that does nothing.
pub(super) fn noop() -> Vec<u8> {
    job("", "i32.const 1024")
}

/// A job that never ends.
pub(super) fn spin() -> Vec<u8> {
    job("", "(loop $again br $again) unreachable")
}

/// A job that also imports `name`, an instance with one function.
pub(super) fn importing(name: &str) -> Vec<u8> {
    component(
        &format!(r#"(import "{name}" (instance (export "f" (func))))"#),
        r#"
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
        (func (export "run") (param i32 i32) (result i32) i32.const 1024)
        "#,
    )
}

/// A job built against a later, compatible version of the interface.
pub(super) fn newer() -> Vec<u8> {
    let text = text(
        "",
        r#"
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
        (func (export "run") (param i32 i32) (result i32) i32.const 1024)
        "#,
    );
    parse(&text.replace("@0.1.0", "@0.1.7"))
}

/// A component that exports nothing.
pub(super) fn nothing() -> Vec<u8> {
    parse("(component)")
}

/// A component whose export has the right name, and takes and returns nothing.
pub(super) fn wrong_type() -> Vec<u8> {
    parse(
        r#"(component
            (core module $m (func (export "run")))
            (core instance $m (instantiate $m))
            (func $run (canon lift (core func $m "run")))
            (instance $runner (export "run" (func $run)))
            (export "cronlet:job/runner@0.1.0" (instance $runner)))"#,
    )
}

/// A component that exports one instance of this name.
pub(super) fn exporting(name: &str) -> Vec<u8> {
    parse(&format!(
        r#"(component (instance $empty) (export "{name}" (instance $empty)))"#
    ))
}

fn component(imports: &str, module: &str) -> Vec<u8> {
    parse(&text(imports, module))
}

fn text(imports: &str, module: &str) -> String {
    format!(
        r#"(component
        {imports}
        (import "cronlet:job/types@0.1.0" (instance $types
            (type $a (list (tuple string string)))
            (export "attributes" (type $attributes (eq $a)))
            (type $o (record
                (field "summary" string)
                (field "output" (option string))
                (field "attributes" $attributes)))
            (export "outcome" (type (eq $o)))
            (type $f (record
                (field "code" string)
                (field "message" string)
                (field "attributes" $attributes)))
            (export "failure" (type $failure (eq $f)))
            (type $d (record (field "failure" $failure) (field "delay" u64)))
            (export "delayed-failure" (type $delayed (eq $d)))
            (type $e (variant
                (case "retryable" $failure)
                (case "retry-after" $delayed)
                (case "permanent" $failure)
                (case "cancelled" $failure)))
            (export "job-error" (type (eq $e)))))
        (alias export $types "outcome" (type $outcome))
        (alias export $types "job-error" (type $job-error))
        (core module $m {module})
        (core instance $m (instantiate $m))
        (func $run (param "params" string) (result (result $outcome (error $job-error)))
            (canon lift (core func $m "run")
                (memory (core memory $m "memory"))
                (realloc (core func $m "realloc"))))
        (instance $runner (export "run" (func $run)))
        (export "cronlet:job/runner@0.1.0" (instance $runner)))"#
    )
}

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}
