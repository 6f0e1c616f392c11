//! One test binary: a room per file, an end-to-end test per folder of `scenarios/`.
#![cfg(test)]

mod command_line;
mod conversation;
mod loop_;
mod scenarios;
mod support;
mod tidy;
mod tools_;
