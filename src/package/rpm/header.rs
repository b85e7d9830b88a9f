//! rpm's header structure (rpm's format.md and hregions.md): an index of tags, and a store of their data.

use std::collections::BTreeMap;

/// A tag's data. All numbers are written big-endian.
#[derive(Clone)]
pub enum Value {
    Int16(Vec<u16>),
    Int32(Vec<u32>),
    Int64(Vec<u64>),
    String(Vec<u8>),
    StringArray(Vec<Vec<u8>>),
    /// A text in each locale of HEADERI18NTABLE; here always the one.
    I18nString(Vec<u8>),
    Binary(Vec<u8>),
}

impl Value {
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Value::String(text.as_ref().to_vec())
    }

    pub fn i18n(text: impl AsRef<[u8]>) -> Self {
        Value::I18nString(text.as_ref().to_vec())
    }

    pub fn texts<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Self {
        Value::StringArray(texts.into_iter().map(|text| text.as_ref().to_vec()).collect())
    }

    pub fn number(number: u32) -> Self {
        Value::Int32(vec![number])
    }

    /// rpmTagType, and what its data is aligned to.
    fn kind(&self) -> (u32, usize) {
        match self {
            Value::Int16(_) => (3, 2),
            Value::Int32(_) => (4, 4),
            Value::Int64(_) => (5, 8),
            Value::String(_) => (6, 1),
            Value::Binary(_) => (BINARY, 1),
            Value::StringArray(_) => (8, 1),
            Value::I18nString(_) => (9, 1),
        }
    }

    fn count(&self) -> usize {
        match self {
            Value::Int16(numbers) => numbers.len(),
            Value::Int32(numbers) => numbers.len(),
            Value::Int64(numbers) => numbers.len(),
            Value::String(_) | Value::I18nString(_) => 1,
            Value::StringArray(texts) => texts.len(),
            Value::Binary(bytes) => bytes.len(),
        }
    }

    fn write(&self, store: &mut Vec<u8>) {
        match self {
            Value::Int16(numbers) => store.extend(numbers.iter().flat_map(|n| n.to_be_bytes())),
            Value::Int32(numbers) => store.extend(numbers.iter().flat_map(|n| n.to_be_bytes())),
            Value::Int64(numbers) => store.extend(numbers.iter().flat_map(|n| n.to_be_bytes())),
            Value::String(text) | Value::I18nString(text) => c_string(text, store),
            Value::StringArray(texts) => texts.iter().for_each(|text| c_string(text, store)),
            Value::Binary(bytes) => store.extend(bytes),
        }
    }
}

/// Up to a NUL, which would end it for every reader, and shift all strings behind it.
fn c_string(text: &[u8], store: &mut Vec<u8>) {
    store.extend(text.iter().take_while(|b| **b != 0));
    store.push(0);
}

const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// RPM_BIN_TYPE, which regions have.
const BINARY: u32 = 7;
/// The size of an entry of the index, and of a region's data, which is one too.
const ENTRY: u32 = 16;

/// A header whose tags all lie in one region, so that a digest or signature covers them all.
#[derive(Clone)]
pub struct Header {
    region: u32,
    values: BTreeMap<u32, Value>,
}

impl Header {
    /// `region`: HEADERSIGNATURES or HEADERIMMUTABLE.
    pub fn new(region: u32) -> Self {
        Header { region, values: BTreeMap::new() }
    }

    pub fn put(&mut self, tag: u32, value: Value) {
        self.values.insert(tag, value);
    }

    /// The same, unless the text is empty.
    pub fn put_text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.put(tag, Value::text(text));
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut index = Vec::new();
        let mut store = Vec::new();
        for (tag, value) in &self.values {
            let (kind, alignment) = value.kind();
            store.resize(store.len().next_multiple_of(alignment), 0);
            entry(&mut index, [*tag, kind, store.len() as u32, value.count() as u32]);
            value.write(&mut store);
        }
        // The region's own entry comes first; its data, last, says how long the index is: backwards.
        let entries = self.values.len() as u32 + 1;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(entries.to_be_bytes());
        bytes.extend((store.len() as u32 + ENTRY).to_be_bytes());
        entry(&mut bytes, [self.region, BINARY, store.len() as u32, ENTRY]);
        bytes.extend(index);
        bytes.extend(store);
        entry(&mut bytes, [self.region, BINARY, (entries * ENTRY).wrapping_neg(), ENTRY]);
        bytes
    }
}

fn entry(bytes: &mut Vec<u8>, fields: [u32; 4]) {
    bytes.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
}
