//! Debian's copyright file in its machine-readable form, 1.0 (DEP-5): whose each part of a bundle is, and by which licence.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use super::licences::Terms;
use super::projects::Project;
use crate::config::Package;
use crate::path::InstallPath;
use crate::spdx;

const FORMAT: &str = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/";
/// How many notices of one project are told; its texts have the rest.
const TOLD: usize = 20;

/// The file's text. `texts` is the folder of licence texts, `place` where the file itself will be.
pub fn text(
    package: &Package,
    texts: &InstallPath,
    place: &InstallPath,
    terms: &BTreeMap<Project, Terms>,
) -> Vec<u8> {
    let mut own = terms.iter().filter(|(_, terms)| terms.is_own);
    let main = own.next().filter(|_| own.next().is_none());
    let mut out = header(package);
    match main {
        Some((project, terms)) => out.extend(paragraph(project, terms, vec![b"*".to_vec()])),
        None => {
            let whole = Project { name: package.name.clone(), version: Some(package.version.clone()) };
            let licence = Some(package.license.clone()).filter(|licence| licence != "unknown");
            out.extend(paragraph(&whole, &Terms { licence, ..Terms::default() }, vec![b"*".to_vec()]));
        }
    }
    let owners = owners(terms);
    let is_told = |(project, terms): &(&Project, &Terms)| {
        main.is_none_or(|(main, _)| main != *project) && !terms.files.is_empty()
    };
    let told = terms.par_iter().filter(is_told);
    let paragraphs =
        told.map(|(project, terms)| paragraph(project, terms, patterns(project, terms, &owners)));
    out.extend(paragraphs.collect::<Vec<_>>().concat());
    // Facts are nobody's, and a file without any notice would be taken for one that was forgotten.
    let folder = texts.parent().unwrap_or_else(InstallPath::root);
    let own_files = [pattern(place.relative()), [&pattern(folder.relative())[..], b"/*.cdx.json"].concat()];
    out.extend(b"\nFiles: ");
    out.extend(own_files.join(&b"\n "[..]));
    out.extend(
        b"\nCopyright: nobody\nLicense: public-domain\n This list and the bill of materials state facts; who wrote them has no rights in them.\n",
    );
    out
}

fn header(package: &Package) -> Vec<u8> {
    let mut out = format!("Format: {FORMAT}\nUpstream-Name: {}\n", one_line(&package.name));
    if !package.homepage.is_empty() {
        out += &format!("Source: {}\n", one_line(&package.homepage));
    }
    out += "Comment:\n Built with Nix, and lifted out of the Nix store by explant. What is bundled is of the projects below, each under\n \
            its own terms.\n";
    out.into_bytes()
}

fn paragraph(project: &Project, terms: &Terms, files: Vec<Vec<u8>>) -> Vec<u8> {
    let mut out = b"\nFiles: ".to_vec();
    out.extend(files.join(&b"\n "[..]));
    let mut fields = String::from("\nCopyright: ");
    let mut notices: Vec<String> = terms.notices.iter().take(TOLD).map(|notice| one_line(notice)).collect();
    if notices.is_empty() {
        notices.push(
            if terms.texts.is_empty() { "not said in what Nix built" } else { "see the texts" }.to_owned(),
        );
    } else if terms.notices.len() > TOLD {
        notices.push(format!("and {} more, in the texts", terms.notices.len() - TOLD));
    }
    fields += &notices.join("\n ");
    let debian = terms.licence.as_deref().map(spdx::debian);
    // DEP-5 lets a name be invented; one of the project's own says that its text decides.
    let name = match &debian {
        Some(debian) => debian.name.clone(),
        None if terms.texts.is_empty() => "unknown".to_owned(),
        None => project.name.clone(),
    };
    fields += &format!("\nLicense: {}\n", one_line(&name));
    if let Some(licence) = terms.licence.as_deref().filter(|licence| *licence != name) {
        fields += &format!(" In SPDX's words: {}\n", one_line(licence));
    }
    for text in &terms.texts {
        fields += &format!(" The text is in {text}\n");
    }
    for common in debian.iter().flat_map(|debian| &debian.common) {
        fields += &format!(" On Debian systems, a text is in /usr/share/common-licenses/{common}\n");
    }
    if terms.texts.is_empty() && debian.is_none_or(|debian| debian.common.is_empty()) {
        fields += " What Nix built holds no text of it.\n";
    }
    let version = project.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    fields += &format!("Comment: {}{}\n", one_line(&project.name), one_line(&version));
    out.extend(fields.into_bytes());
    out
}

/// What must not break out of its line.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ").trim_end().to_owned()
}

/// Each folder's project, where all files below it are of one.
type Owners<'t> = HashMap<&'t [u8], Option<&'t Project>>;

fn owners(terms: &BTreeMap<Project, Terms>) -> Owners<'_> {
    let mut owners = Owners::new();
    for (project, terms) in terms {
        for folder in terms.files.iter().flat_map(above) {
            let owner = owners.entry(folder).or_insert(Some(project));
            *owner = owner.filter(|owner| *owner == project);
        }
    }
    owners
}

/// A project's files: the topmost folder that is all its own, or the file itself.
fn patterns(project: &Project, terms: &Terms, owners: &Owners) -> Vec<Vec<u8>> {
    let is_own = |folder: &&[u8]| owners.get(folder).copied().flatten() == Some(project);
    let (mut folders, mut patterns) = (HashSet::new(), BTreeSet::new());
    for file in &terms.files {
        match above(file).take_while(is_own).last() {
            Some(folder) if folders.insert(folder) => patterns.insert([&pattern(folder)[..], b"/*"].concat()),
            Some(_) => false,
            None => patterns.insert(pattern(file.relative())),
        };
    }
    patterns.into_iter().collect()
}

/// The folders that hold it, but for the root, from the nearest up, each without the slash in front.
fn above(file: &InstallPath) -> impl Iterator<Item = &[u8]> {
    let path = file.relative();
    let slashes = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| &path[..at])
}

/// A path of the package, as DEP-5's `Files` has it: what is special is escaped, and a space, at which the field is cut, is `?`.
fn pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(path.len());
    for byte in path {
        match byte {
            b'*' | b'?' | b'\\' => pattern.extend([b'\\', *byte]),
            byte if byte.is_ascii_whitespace() || byte.is_ascii_control() => pattern.push(b'?'),
            byte => pattern.push(*byte),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    fn project(name: &str) -> Project {
        Project { name: name.into(), version: Some("1.2".into()) }
    }

    #[test]
    fn each_project_has_a_paragraph() {
        let files = |paths: &[&str]| paths.iter().map(|p| path(p)).collect::<Vec<_>>();
        let mut terms = BTreeMap::new();
        let own = Terms {
            files: files(&["/usr/bin/x"]),
            licence: Some("GPL-2.0-or-later OR MIT".into()),
            is_own: true,
            ..Terms::default()
        };
        terms.insert(project("x"), own);
        let texts = files(&["/usr/share/doc/x/licenses/one-COPYING"]);
        let notices = vec!["2012 A\nB".into()];
        let one = Terms {
            files: files(&["/usr/lib/x/libone 1.so", "/usr/lib/x/one/a", "/usr/lib/x/one/b"]),
            texts,
            notices,
            ..Terms::default()
        };
        terms.insert(project("one"), one);
        terms.insert(project("two"), Terms { files: files(&["/usr/lib/x/libtwo.so"]), ..Terms::default() });
        let package =
            Package { name: "x".into(), homepage: "https://example.org".into(), ..Package::default() };
        let text =
            text(&package, &path("/usr/share/doc/x/licenses"), &path("/usr/share/doc/x/copyright"), &terms);
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }
}
