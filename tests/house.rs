//! One test binary: a room per file, an end-to-end test per folder of `scenarios/`.
#![cfg(test)]

mod command_line;
mod conversation;
mod edits;
mod edits_on_disk;
mod loop_;
mod loop_ends;
mod material;
mod network;
mod pages;
mod play;
mod program;
mod readme;
mod scenarios;
mod stage;
mod support;
mod terminal;
mod tidy;
mod tools_;
