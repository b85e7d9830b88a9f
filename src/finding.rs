//! What is missing, unsafe or worth knowing about a bundle, each with its remedy.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something may not work on the target.
    Warning,
}

/// One thing the user should know. Never stops a build; what does is an [`crate::Error`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// A stable name for its kind, such as `dangling-link`; scripts may look for it.
    pub code: &'static str,
    /// What it is about: files, sonames, store paths.
    pub subjects: Vec<String>,
    pub message: String,
    pub remedy: Option<String>,
}

impl Finding {
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Finding {
            severity: Severity::Warning,
            code,
            subjects: Vec::new(),
            message: message.into(),
            remedy: None,
        }
    }

    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Note, ..Finding::warning(code, message) }
    }

    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subjects.push(subject.into());
        self
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        for subject in &self.subjects {
            write!(f, "\n    {subject}")?;
        }
        match &self.remedy {
            Some(remedy) => write!(f, "\n  remedy: {remedy}"),
            None => Ok(()),
        }
    }
}
