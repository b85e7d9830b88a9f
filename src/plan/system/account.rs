//! The lines of a sysusers.d file (sysusers.d(5)).

/// A user or group that a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// With the name of the same; its own group where none is named.
    User {
        name: String,
        id: Option<String>,
        group: Option<String>,
        about: String,
        home: String,
        shell: String,
    },
    Group {
        name: String,
        id: Option<String>,
    },
    /// A user's further group.
    Member {
        user: String,
        group: String,
    },
}

/// As systemd-sysusers has it where a line does not say.
const HOME: &str = "/";
const SHELL: &str = "/usr/sbin/nologin";

/// The lines that say something, without spaces around them.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Account {
    /// `None` for what only systemd-sysusers understands: ranges of numbers, and lines that are none.
    pub fn parse(line: &str) -> Option<Account> {
        let fields = fields(line);
        let field = |at: usize| fields.get(at).filter(|text| *text != "-" && !text.is_empty()).cloned();
        let name = field(1).filter(|name| is_name(name))?;
        match fields[0].trim_end_matches('!') {
            "u" => {
                let (id, group) = user_id(&field(2).unwrap_or_default());
                Some(Account::User {
                    name,
                    id,
                    group,
                    about: field(3).unwrap_or_default(),
                    home: field(4).unwrap_or_else(|| HOME.to_owned()),
                    shell: field(5).unwrap_or_else(|| SHELL.to_owned()),
                })
            }
            "g" => Some(Account::Group { name, id: field(2).filter(|id| is_number(id)) }),
            "m" => Some(Account::Member { user: name, group: field(2).filter(|name| is_name(name))? }),
            _ => None,
        }
    }
}

/// `123`, `123:group`, `-:group`; a path, whose owner's number is meant, is passed over.
fn user_id(text: &str) -> (Option<String>, Option<String>) {
    let (id, group) = text.split_once(':').map_or((text, None), |(id, group)| (id, Some(group)));
    let number = Some(id.to_owned()).filter(|id| is_number(id));
    (number, group.filter(|group| is_name(group) || is_number(group)).map(str::to_owned))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What systemd takes for the name of a user (systemd.io/USER_NAMES); specifiers (`%`) are not.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Split at white space, but inside of quotes; a quote or backslash behind a backslash is itself.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quote = None;
    let mut begun = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => fields.last_mut().expect("never empty").extend(characters.next()),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => {
                if begun {
                    fields.push(String::new());
                }
                begun = false;
                continue;
            }
            (c, _) => fields.last_mut().expect("never empty").push(c),
        }
        begun = true;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: Option<&str>, group: Option<&str>, about: &str, home: &str, shell: &str) -> Account {
        let owned = |text: &str| text.to_owned();
        Account::User {
            name: owned("acme"),
            id: id.map(owned),
            group: group.map(owned),
            about: owned(about),
            home: owned(home),
            shell: owned(shell),
        }
    }

    #[test]
    fn lines_are_read_as_systemd_does() {
        for (line, wanted) in [
            (
                "u acme - \"Acme's \\\"daemon\\\"\" /var/lib/acme",
                user(None, None, "Acme's \"daemon\"", "/var/lib/acme", SHELL),
            ),
            ("u! acme 404:web - - /bin/sh", user(Some("404"), Some("web"), "", HOME, "/bin/sh")),
            ("u  acme  -:web", user(None, Some("web"), "", HOME, SHELL)),
            ("u acme /usr/bin/acme", user(None, None, "", HOME, SHELL)),
            ("g acme 7", Account::Group { name: "acme".into(), id: Some("7".into()) }),
            ("m acme adm", Account::Member { user: "acme".into(), group: "adm".into() }),
        ] {
            assert_eq!(Account::parse(line), Some(wanted), "{line}");
        }
        for line in ["r - 500-900", "u", "u %v -", "x y", "u a;b -"] {
            assert_eq!(Account::parse(line), None, "{line}");
        }
    }

    #[test]
    fn comments_are_no_lines() {
        assert_eq!(lines("# x\n\n  u a -  \n;\n").collect::<Vec<_>>(), ["u a -", ";"]);
    }
}
