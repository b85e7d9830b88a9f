//! The table behind the stub's code: its format, written and read. `stub/stub.c` carries it out.

use crate::elf::planted;

/// What stands for the root's path in a value.
const ROOT: u8 = 1;
/// What stands for the path that the program was started by.
const STARTED: u8 = 2;
/// What a value of bundle.toml has for it.
const ROOT_NAME: &[u8] = b"${root}";

/// The longest folder that the kernel takes (PATH_MAX, its NUL included).
const PATH_MAX: usize = 4096;
/// More than this no stack needs, and no process starts with (a sixteenth of the kernel's own limit, _STK_LIM / 4 * 3).
const LONGEST: usize = 384 << 10;

/// Where the bundle's root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// So many folders above the program's own.
    Above(u8),
    /// An absolute path, not the root folder.
    At(Vec<u8>),
}

/// A descriptor that leads to a folder of the bundle in every process of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Not 0, 1 or 2.
    pub descriptor: u8,
    /// Below the root.
    pub folder: Vec<u8>,
}

/// What a program begins with. Values hold `${root}` for the root's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Set {
        variable: Vec<u8>,
        value: Vec<u8>,
    },
    /// Where it is not set, be it to nothing.
    Default {
        variable: Vec<u8>,
        value: Vec<u8>,
    },
    Unset {
        variable: Vec<u8>,
    },
    /// Before what is there, unless it is there already; alone where nothing is.
    Prefix {
        variable: Vec<u8>,
        separator: Vec<u8>,
        value: Vec<u8>,
    },
    /// The same, behind it.
    Suffix {
        variable: Vec<u8>,
        separator: Vec<u8>,
        value: Vec<u8>,
    },
    /// argv\[0\]; else it is what the user called the program by.
    Argv0(Vec<u8>),
    /// argv\[0\] is the path that the program was started by (AT_EXECFN): what a script has for `$0`.
    Argv0Started,
    /// Before the user's.
    Argument(Vec<u8>),
    /// Behind the user's.
    LastArgument(Vec<u8>),
    /// The folder to start in.
    Folder(Vec<u8>),
}

/// What one program's stub does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub root: Root,
    /// Below the root, or absolute.
    pub loader: Vec<u8>,
    pub anchor: Option<Anchor>,
    /// In order.
    pub changes: Vec<Change>,
}

impl Change {
    /// What a message calls it.
    fn name(&self) -> &'static str {
        match self {
            Change::Set { .. } => "variable to set",
            Change::Default { .. } => "default of a variable",
            Change::Unset { .. } => "variable to unset",
            Change::Prefix { .. } => "prefix of a variable",
            Change::Suffix { .. } => "suffix of a variable",
            Change::Argv0(_) | Change::Argv0Started => "argv[0]",
            Change::Argument(_) | Change::LastArgument(_) => "argument",
            Change::Folder(_) => "folder to start in",
        }
    }

    /// The letter of its record, and the record's strings.
    fn record(&self) -> (u8, Vec<Vec<u8>>) {
        let (kind, variable, value, separator) = match self {
            Change::Set { variable, value } => (b's', variable, value.clone(), Vec::new()),
            Change::Default { variable, value } => (b'd', variable, value.clone(), Vec::new()),
            Change::Unset { variable } => (b'u', variable, Vec::new(), Vec::new()),
            Change::Prefix { variable, separator, value } => {
                (b'p', variable, value.clone(), separator.clone())
            }
            Change::Suffix { variable, separator, value } => {
                (b'x', variable, value.clone(), separator.clone())
            }
            Change::Argv0(text) => return (b'0', vec![text.clone()]),
            Change::Argv0Started => return (b'0', vec![Vec::new()]),
            Change::Argument(text) | Change::LastArgument(text) => return (b'a', vec![text.clone()]),
            Change::Folder(text) => return (b'c', vec![text.clone()]),
        };
        (kind, vec![variable.clone(), value, separator])
    }

    fn variable(&self) -> Option<&[u8]> {
        match self {
            Change::Set { variable, .. }
            | Change::Default { variable, .. }
            | Change::Unset { variable }
            | Change::Prefix { variable, .. }
            | Change::Suffix { variable, .. } => Some(variable),
            _ => None,
        }
    }
}

impl Table {
    /// The bytes behind the code; the addresses in it are the surgeon's to fill in.
    ///
    /// Errors: a sentence without a full stop on what cannot be said.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut strings = Vec::new();
        let (up, root) = match &self.root {
            Root::Above(up) => (*up, &b""[..]),
            Root::At(root) => (0, root.as_slice()),
        };
        if matches!(self.root, Root::At(_)) && (!root.starts_with(b"/") || root.ends_with(b"/")) {
            return Err("the bundle's root is no absolute path of a folder".into());
        }
        let anchor = self.anchor.as_ref();
        if anchor.is_some_and(|anchor| anchor.descriptor < 3) {
            return Err("the anchor's descriptor is one of the standard streams".into());
        }
        for path in [self.loader.as_slice(), root, anchor.map_or(b"", |anchor| &anchor.folder)] {
            if path.contains(&0) || path.len() >= PATH_MAX {
                return Err("a path of the bundle's is too long, or holds a NUL".into());
            }
            strings.extend([path, b"\0"].concat());
        }
        strings.extend(self.records()?);
        strings.push(0);
        let size = planted::HEADER + strings.len();
        if size > LONGEST {
            return Err(format!("the environment and arguments that it is to start with take {size} bytes"));
        }
        let mut table = planted::MAGIC.to_vec();
        table.extend([0; 16]);
        table.extend((size as u32).to_le_bytes());
        table.extend([up, anchor.map_or(0, |anchor| anchor.descriptor), 0, 0]);
        table.extend(strings);
        Ok(table)
    }

    fn records(&self) -> Result<Vec<u8>, String> {
        let is_last = |change: &&Change| matches!(change, Change::LastArgument(_));
        let mut records = Vec::new();
        for change in self.changes.iter().filter(|change| !is_last(change)) {
            write_record(change, &mut records)?;
        }
        if !self.changes.is_empty() {
            // The user's arguments.
            records.extend(b"*\0");
        }
        for change in self.changes.iter().filter(is_last) {
            write_record(change, &mut records)?;
        }
        Ok(records)
    }

    /// Reads what [`Table::encode`] has written. `None`: it is none, or not whole.
    pub fn decode(bytes: &[u8]) -> Option<Table> {
        let header = bytes.get(..planted::HEADER)?;
        let (up, descriptor) = (header[28], header[29]);
        let mut rest = &bytes[planted::HEADER..];
        let mut next = || {
            let len = memchr::memchr(0, rest)?;
            let string = rest[..len].to_vec();
            rest = &rest[len + 1..];
            Some(string)
        };
        let (loader, root, folder) = (next()?, next()?, next()?);
        let root = if root.is_empty() { Root::Above(up) } else { Root::At(root) };
        let anchor = (descriptor != 0).then_some(Anchor { descriptor, folder });
        let mut changes = Vec::new();
        let mut is_behind = false;
        loop {
            let record = next()?;
            let Some((kind, first)) = record.split_first() else { break };
            let first = first.to_vec();
            let change = match kind {
                b'*' => {
                    is_behind = true;
                    continue;
                }
                b'0' if first == [STARTED] => Change::Argv0Started,
                b'0' => Change::Argv0(first),
                b'a' if is_behind => Change::LastArgument(first),
                b'a' => Change::Argument(first),
                b'c' => Change::Folder(first),
                _ => variable_change(*kind, first, next()?, next()?)?,
            };
            changes.push(named_root(change));
        }
        Some(Table { root, loader, anchor, changes })
    }

    /// The loader's path, for a program whose absolute path, links followed, is given. `None`: the root is above `/`.
    pub fn loader_from(&self, program: &[u8]) -> Option<Vec<u8>> {
        self.below_root(program, &self.loader)
    }

    /// The anchor's descriptor and the path of its folder, in the same way.
    pub fn anchor_from(&self, program: &[u8]) -> Option<(u8, Vec<u8>)> {
        let anchor = self.anchor.as_ref()?;
        Some((anchor.descriptor, self.below_root(program, &anchor.folder)?))
    }

    /// A value that is a path below the root, in the same way. `None`: it is another.
    pub fn rooted(&self, program: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.below_root(program, value.strip_prefix(ROOT_NAME)?.strip_prefix(b"/")?)
    }

    fn below_root(&self, program: &[u8], path: &[u8]) -> Option<Vec<u8>> {
        if path.starts_with(b"/") {
            return Some(path.to_vec());
        }
        let root = match &self.root {
            Root::At(root) => root.as_slice(),
            Root::Above(up) => (0..=*up).try_fold(program, |path, _| {
                path.iter().rposition(|byte| *byte == b'/').map(|slash| &path[..slash])
            })?,
        };
        Some([root, b"/", path].concat())
    }
}

fn write_record(change: &Change, records: &mut Vec<u8>) -> Result<(), String> {
    let name = change.name();
    if change.variable().is_some_and(|variable| variable.is_empty() || variable.contains(&b'=')) {
        return Err(format!("the {name} has a name that no variable can have"));
    }
    let (kind, strings) = change.record();
    records.push(kind);
    if *change == Change::Argv0Started {
        records.extend([STARTED, 0]);
        return Ok(());
    }
    for string in strings {
        if string.iter().any(|byte| *byte <= STARTED) {
            return Err(format!("the {name} holds a control character (0, 1 or 2)"));
        }
        records.extend(replaced(&string, ROOT_NAME, &[ROOT]));
        records.push(0);
    }
    Ok(())
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, from) {
        new.extend_from_slice(&rest[..at]);
        new.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    new.extend_from_slice(rest);
    new
}

fn variable_change(kind: u8, variable: Vec<u8>, value: Vec<u8>, separator: Vec<u8>) -> Option<Change> {
    Some(match kind {
        b's' => Change::Set { variable, value },
        b'd' => Change::Default { variable, value },
        b'u' => Change::Unset { variable },
        b'p' => Change::Prefix { variable, separator, value },
        b'x' => Change::Suffix { variable, separator, value },
        _ => return None,
    })
}

/// The change with `${root}` spelt out again.
fn named_root(mut change: Change) -> Change {
    let spelt = |value: &mut Vec<u8>| *value = replaced(value, &[ROOT], ROOT_NAME);
    match &mut change {
        Change::Set { value, .. } | Change::Default { value, .. } => spelt(value),
        Change::Prefix { value, separator, .. } | Change::Suffix { value, separator, .. } => {
            spelt(value);
            spelt(separator);
        }
        Change::Argv0(text) | Change::Argument(text) | Change::LastArgument(text) | Change::Folder(text) => {
            spelt(text);
        }
        Change::Unset { .. } | Change::Argv0Started => {}
    }
    change
}
