//! The file that says how dynamic symbols are to be renamed: two names a line.

use memchr::memchr;

/// Old and new names, in order.
pub type Names = Vec<(Vec<u8>, Vec<u8>)>;

/// Adds a map file's names to those that are there. The error is a sentence of patchelf's; `name` is the file's.
pub fn read(text: &[u8], name: &str, names: &mut Names) -> Result<(), String> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(old) = words.next() else { continue };
        let say = |what: String| Err(format!("{name}:{number}: {what}"));
        let Some(new) = words.next() else {
            return say("Map file line is missing the second element".into());
        };
        let text = String::from_utf8_lossy;
        if names.iter().any(|(other, _)| other == old) {
            return say(format!("Name '{}' appears twice in the map file", text(old)));
        }
        if memchr(b'@', old).is_some() || memchr(b'@', new).is_some() {
            return say(format!("Name pair contains version tag: {} {}", text(old), text(new)));
        }
        names.push((old.to_owned(), new.to_owned()));
    }
    Ok(())
}
