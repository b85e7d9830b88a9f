//! The notes that say what a file is and what it asks of the system (Linux ABI, "Note sections"; the processors' psABIs).

use goblin::elf::note::{NT_GNU_ABI_TAG, NT_GNU_BUILD_ID, NT_GNU_PROPERTY_TYPE_0};

use crate::elf::image::Image;
use crate::elf::note;

const GNU: &[u8] = b"GNU\0";

// The psABIs of x86 and AArch64 give numbers to the same names.
const GNU_PROPERTY_X86_FEATURE_1_AND: u32 = 0xc000_0002;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u32 = 0xc000_8002;
const GNU_PROPERTY_AARCH64_FEATURE_1_AND: u32 = 0xc000_0000;

/// A guard of the processor's, for which all of a file's code was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Feature {
    /// x86: indirect branches land on marked places only.
    #[serde(rename = "IBT")]
    Ibt,
    /// x86: a second stack of return addresses.
    #[serde(rename = "SHSTK")]
    Shstk,
    /// AArch64: indirect branches land on marked places only.
    #[serde(rename = "BTI")]
    Bti,
    /// AArch64: return addresses are signed.
    #[serde(rename = "PAC")]
    Pac,
    /// AArch64: a second stack of return addresses.
    #[serde(rename = "GCS")]
    Gcs,
}

const X86_FEATURES: [(u32, Feature); 2] = [(1, Feature::Ibt), (2, Feature::Shstk)];
const AARCH64_FEATURES: [(u32, Feature); 3] = [(1, Feature::Bti), (2, Feature::Pac), (4, Feature::Gcs)];
/// ld.so refuses a file that needs more than the processor has (glibc's sysdeps/x86/dl-prop.h).
const X86_LEVELS: [(u32, &str); 4] =
    [(8, "x86-64-v4"), (4, "x86-64-v3"), (2, "x86-64-v2"), (1, "x86-64-baseline")];

#[derive(Clone, Debug, Default)]
pub struct Notes {
    pub build_id: Option<Vec<u8>>,
    /// The oldest kernel that will do.
    pub kernel: Option<[u32; 3]>,
    pub features: Vec<Feature>,
    /// The least processor that will do.
    pub processor: Option<&'static str>,
}

impl Notes {
    /// With the build-id that sections tell, where segments tell none: Go's linker leaves that note out of them. Nothing that loads
    /// the file asks for it.
    pub(super) fn or_build_id(self, sections: Notes) -> Self {
        Notes { build_id: self.build_id.or(sections.build_id), ..self }
    }
}

/// Reads notes until they come to more than the file: places that overlap would be read again and again.
pub(super) struct Reader<'a> {
    image: &'a Image<'a>,
    budget: u64,
    notes: Notes,
}

impl<'a> Reader<'a> {
    pub fn new(image: &'a Image<'a>) -> Self {
        Reader { image, budget: image.len(), notes: Notes::default() }
    }

    /// Reads `len` bytes of notes.
    pub fn take(&mut self, at: u64, len: u64, align: u64) {
        let Some(budget) = self.budget.checked_sub(len) else { return };
        self.budget = budget;
        // As in the notes about dlopen.
        let align = if align == 8 { 8 } else { 4 };
        let end = at.saturating_add(len);
        let mut at = at;
        while at < end {
            let Some((owner, kind, content, next)) = note::note(self.image, at, align) else { break };
            if owner == GNU {
                self.gnu(kind, content);
            }
            at = next;
        }
    }

    pub fn done(self) -> Notes {
        self.notes
    }

    fn gnu(&mut self, kind: u32, content: &[u8]) {
        let content = Image { bytes: content, ctx: self.image.ctx };
        match kind {
            NT_GNU_BUILD_ID if self.notes.build_id.is_none() => {
                self.notes.build_id = Some(content.bytes.to_vec());
            }
            // The first word is the system: 0 is Linux.
            NT_GNU_ABI_TAG if content.u32(0) == Some(0) => {
                let [a, b, c] = [4, 8, 12].map(|at| content.u32(at));
                self.notes.kernel = a.zip(b).zip(c).map(|((a, b), c)| [a, b, c]);
            }
            NT_GNU_PROPERTY_TYPE_0 => self.properties(&content),
            _ => {}
        }
    }

    fn properties(&mut self, content: &Image) {
        let align = if content.ctx.is_big() { 8 } else { 4 };
        let mut at = 0u64;
        while let (Some(kind), Some(size)) = (content.u32(at), content.u32(at + 4)) {
            // Each of those that are known is a word of flags.
            self.property(kind, content.u32(at + 8).unwrap_or(0));
            at += 8 + u64::from(size).next_multiple_of(align);
        }
    }

    fn property(&mut self, kind: u32, flags: u32) {
        let known: &[(u32, Feature)] = match kind {
            GNU_PROPERTY_X86_FEATURE_1_AND => &X86_FEATURES,
            GNU_PROPERTY_AARCH64_FEATURE_1_AND => &AARCH64_FEATURES,
            GNU_PROPERTY_X86_ISA_1_NEEDED => {
                let level = X86_LEVELS.iter().find(|(flag, _)| flags & flag != 0);
                self.notes.processor = level.map(|(_, name)| *name);
                return;
            }
            _ => return,
        };
        // A file's own notes may say a thing twice (PT_NOTE, PT_GNU_PROPERTY).
        self.notes.features = known.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, f)| *f).collect();
    }
}
