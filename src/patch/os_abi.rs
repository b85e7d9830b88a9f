//! Names of EI_OSABI's values, in patchelf's spelling.

/// Value, the name that is printed, further names that are understood.
const NAMES: [(u8, &str, &[&str]); 12] = [
    (0, "System V", &["system-v", "sysv"]),
    (1, "HP-UX", &[]),
    (2, "NetBSD", &[]),
    (3, "Linux", &["gnu"]),
    (4, "GNU Hurd", &["gnu-hurd", "hurd"]),
    (6, "Solaris", &[]),
    (7, "AIX", &[]),
    (8, "IRIX", &[]),
    (9, "FreeBSD", &[]),
    (10, "Tru64", &[]),
    (12, "OpenBSD", &[]),
    (13, "OpenVMS", &[]),
];

/// The value's name; a number where it has none.
pub fn name(value: u8) -> String {
    match NAMES.iter().find(|(number, ..)| *number == value) {
        Some((_, name, _)) => (*name).to_owned(),
        None => format!("0x{value:02X}"),
    }
}

/// The value of a name, in capital letters or small ones, with space around it or not.
pub fn parse(text: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let is_meant = |name: &&str| name.eq_ignore_ascii_case(text);
    NAMES
        .iter()
        .find(|(_, name, others)| is_meant(name) || others.iter().any(is_meant))
        .map(|(number, ..)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_printed_is_understood() {
        for value in 0..=255 {
            let name = name(value);
            assert!(parse(name.as_bytes()).is_none_or(|parsed| parsed == value), "{name}");
            assert_eq!(parse(name.as_bytes()).is_none(), name.starts_with("0x"), "{name}");
        }
        for (text, value) in [(" gnu\n", 3), ("SYSV", 0), ("gnu-hurd", 4), ("Hurd", 4), ("system-v", 0)] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!(parse(b"plan 9"), None);
        assert_eq!(parse(b"\xff"), None);
    }
}
