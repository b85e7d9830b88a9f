//! Plans, tested as data: what a bundle would hold, and what would be done to it.

mod accounts;
mod anchors;
mod anywhere;
mod carried;
mod contents;
mod fixture;
mod flat;
mod outside;
mod package;
mod relations;
mod run;
mod store_layout;
mod system;
