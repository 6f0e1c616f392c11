"""What the one who runs this gave and cannot be worked with. Raised where it is read, said once, by `run`."""


class Bad(Exception):
    def __init__(self, error, hint):
        super().__init__(error)
        self.hint = hint
