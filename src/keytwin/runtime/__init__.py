"""The only place with clocks, sockets, chance and files: it performs the effects that machines return."""
