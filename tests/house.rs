//! One test binary: a room per file, an end-to-end test per folder of `scenarios/`.
#![cfg(test)]

mod chat;
mod chat_keys;
mod command_line;
mod conversation;
mod edits;
mod loop_;
mod loop_ends;
mod material;
mod pages;
mod play;
mod readme;
mod scenarios;
mod stage;
mod support;
mod terminal;
mod tidy;
mod tmux;
mod tools_;
