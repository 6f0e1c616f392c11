//! One test binary: a room per file, an end-to-end test per folder of `scenarios/`.
#![cfg(test)]

mod background;
mod chat;
mod chat_keys;
mod chat_work;
mod command_line;
mod compact;
mod confirm_screens;
mod conversation;
mod edits;
mod edits_on_disk;
mod eval;
mod fault;
mod kill;
mod loop_;
mod loop_ends;
mod material;
mod network;
mod pages;
mod play;
mod program;
mod reach;
mod readme;
mod resume;
mod resume_ends;
mod scenarios;
mod stage;
mod support;
mod terminal;
mod tidy;
mod tmux;
mod tools_;
mod undo;
mod undo_never;
