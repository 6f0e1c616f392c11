//! Whom a conversation faces.

use agent::Frontend;

use crate::account::Account;
use crate::human::Human;
use crate::machine::Machine;

/// The two front ends, so that the account can be had back.
pub(crate) enum Face {
    Human(Box<Human>),
    Machine(Box<Machine>),
}

impl Face {
    pub(super) fn frontend(&mut self) -> &mut dyn Frontend {
        match self {
            Face::Human(human) => human.as_mut(),
            Face::Machine(machine) => machine.as_mut(),
        }
    }

    pub(super) fn account(&self) -> &Account {
        match self {
            Face::Human(human) => &human.account,
            Face::Machine(machine) => &machine.account,
        }
    }
}
