use super::*;

fn script(lines: &str) -> Option<Wrapper> {
    of_script(
        format!("#! /nix/store/x-bash/bin/bash -e\n{lines}\n").as_bytes(),
        b"/nix/store/x-bash/bin/bash",
    )
}

fn set(variable: &str, value: &str) -> Action {
    Action::Set { variable: variable.into(), value: value.into() }
}

fn prefix(variable: &str, separator: &str, value: &str) -> Action {
    Action::Prefix { variable: variable.into(), separator: separator.into(), value: value.into() }
}

fn suffix(variable: &str, separator: &str, value: &str) -> Action {
    Action::Suffix { variable: variable.into(), separator: separator.into(), value: value.into() }
}

#[test]
fn the_lines_of_make_wrapper_are_read() {
    let wrapper = script(
        r#"export A='it'\''s'
export B=${B-'x y'}
unset C
cd '/srv'
PATH=${PATH:+':'$PATH':'}
PATH=${PATH/':''/p/bin'':'/':'}
PATH='/p/bin'$PATH
PATH=${PATH#':'}
PATH=${PATH%':'}
export PATH
XDG=${XDG:+'-'$XDG'-'}
if [[ $XDG != *'-''/s'':'* ]]; then
    XDG=$XDG'/s'
fi
XDG=${XDG#'-'}
XDG=${XDG%'-'}
export XDG
exec -a "$0" "/nix/store/y-p/bin/.p-wrapped"  --one 'two three' "$@" --last"#,
    )
    .unwrap();
    assert_eq!(wrapper.program.to_string(), "/nix/store/y-p/bin/.p-wrapped");
    assert_eq!(wrapper.other_lines, 0);
    let wanted = [
        set("A", "it's"),
        Action::SetDefault { variable: "B".into(), value: "x y".into() },
        Action::Unset { variable: "C".into() },
        Action::Chdir { folder: "/srv".into() },
        prefix("PATH", ":", "/p/bin"),
        suffix("XDG", "-", "/s"),
        Action::InheritArgv0,
        Action::AddFlags { flags: vec!["--one".into(), "two three".into()] },
        Action::AppendFlags { flags: vec!["--last".into()] },
    ];
    assert_eq!(wrapper.actions, wanted);
}

#[test]
fn the_lines_of_older_years_are_read() {
    let wrapper = script(
        r#"export PATH='/a'${PATH:+':'}$PATH
export PATH='/b'${PATH:+':'$PATH}
export PATH=$PATH${PATH:+':'}'/c'
export PATH+=${PATH:+':'}'/d'
export E=$'a\nb\303\244'
exec -a 'name' '/p' "${extraFlagsArray[@]}" "$@""#,
    )
    .unwrap();
    let wanted = [
        prefix("PATH", ":", "/a"),
        prefix("PATH", ":", "/b"),
        suffix("PATH", ":", "/c"),
        suffix("PATH", ":", "/d"),
        set("E", "a\nbä"),
        Action::Argv0 { name: "name".into() },
    ];
    assert_eq!(wrapper.actions, wanted);
    assert_eq!(wrapper.other_lines, 0);
}

#[test]
fn what_is_not_understood_is_counted() {
    let wrapper = script("if test -e x; then\n  y=$(cat x)\nfi\nA=b\nexec \"$dir/p\" \"$@\"").unwrap();
    assert_eq!((wrapper.program.to_string().as_str(), wrapper.other_lines), ("$dir/p", 2));
    assert_eq!(wrapper.actions, [set("A", "b")]);
}

#[test]
fn other_scripts_are_no_wrappers() {
    for lines in
        ["", "echo \"$@\"", "exec /p", "exec /p \"$@\" | cat", "exec", "exec -a", "exec \"", "p \"$@\""]
    {
        assert_eq!(script(lines), None, "{lines}");
    }
    assert_eq!(of_script(b"#!/usr/bin/perl\nexec /p \"$@\"\n", b"/usr/bin/perl"), None);
}

#[test]
fn expansions_within_expansions_come_to_an_end() {
    let deep = "${a:-".repeat(100_000);
    let wrapper = script(&format!("A={deep}\nexec /p \"$@\"")).unwrap();
    assert_eq!(wrapper.other_lines, 1);
}

const HEADING: &str = "# The C-code for this binary wrapper has been generated using the following command:";

#[test]
fn make_binary_wrappers_command_is_read() {
    let command = r"makeCWrapper '/nix/store/y-p/bin/.p-wrapped' \
    --inherit-argv0 \
    --set 'A' '1' \
    --set-default 'B' 'it'\''s' \
    --unset 'C' \
    --prefix 'PATH' ':' '/p/bin' \
    --suffix 'XDG' '-' $'/s\n' \
    --chdir '/srv' \
    --add-flags '--one two' \
    --append-flag '--last'";
    let program = format!("\x7fELF\0{HEADING}\n\n\n{command}\n\n\n# (Use `nix-shell ...`)\n\0more");
    let wrapper = of_program(program.as_bytes()).unwrap();
    assert_eq!(wrapper.program.to_string(), "/nix/store/y-p/bin/.p-wrapped");
    let wanted = [
        Action::InheritArgv0,
        set("A", "1"),
        Action::SetDefault { variable: "B".into(), value: "it's".into() },
        Action::Unset { variable: "C".into() },
        prefix("PATH", ":", "/p/bin"),
        suffix("XDG", "-", "/s\n"),
        Action::Chdir { folder: "/srv".into() },
        Action::AddFlags { flags: vec!["--one".into(), "two".into()] },
        Action::AppendFlags { flags: vec!["--last".into()] },
    ];
    assert_eq!(wrapper.actions, wanted);
}

#[test]
fn a_command_that_is_not_whole_is_none() {
    for command in [
        "",
        "makeCWrapper ",
        "makeCWrapper '/p",
        "makeCWrapper '/p' --set 'A'\n\n",
        "makeCWrapper '/p' --new\n\n",
    ] {
        assert_eq!(of_program(format!("{HEADING}\n\n\n{command}").as_bytes()), None, "{command}");
    }
}
