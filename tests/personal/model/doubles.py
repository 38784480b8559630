"""What should become of two entries that turn out to be one resident, and of one that turns out to be two."""

from tests.personal.model.world import DEAD, GRACE, MOVED, Entry, Held, Merge, World


def may_merge(world: World, survivor: int, double: int) -> bool:
    """Say whether two entries can be one: not if one is dead and the other is not."""
    states = {world.entries[survivor].state, world.entries[double].state}
    return survivor != double and (len(states) == 1 or DEAD not in states)


def merge(world: World, survivor: int, double: int) -> None:
    """Let an entry stand for another one, too."""
    one, other = world.entries[survivor], world.entries[double]
    versions = {item: held.version for item, held in one.held.items()}
    before = (one.state, one.protected), (other.state, other.protected)
    world.merges.append(Merge(survivor, double, world.next(), world.now, *before, versions))
    other.into = survivor
    one.protected = one.protected or other.protected
    if one.protected:
        end_acting_for(world, survivor)


def latest(world: World, at: int) -> Merge | None:
    """Find the merge that is parted next of a resident."""
    return next((one for one in reversed(world.merges) if one.survivor == at), None)


def written_since(world: World, undone: Merge) -> dict[str, Held]:
    """Give the records of the survivor that were written since."""
    own = world.entries[undone.survivor].held
    return {item: one for item, one in own.items() if undone.versions.get(item) != one.version}


def part(world: World, undone: Merge, *, to_double: bool) -> None:
    """Let both be as they were; what happened since goes to one of them."""
    one, other = world.entries[undone.survivor], world.entries[undone.double]
    now = one.state, one.protected
    written = written_since(world, undone)
    other.into = None
    world.merges.remove(undone)
    if to_double:
        _hand_over_records(world, undone, written)
        _hand_over_decisions(one, other, undone.order)
        for given in world.delegations:
            if given.order > undone.order:
                given.guardian = undone.double if given.guardian == undone.survivor else given.guardian
                given.subject = undone.double if given.subject == undone.survivor else given.subject
    _restore_names(world, undone, to_double=to_double)
    withdraw_codes(world, undone.survivor)
    withdraw_codes(world, undone.double)
    _stand(world, undone, now, to_double=to_double)


def withdraw_codes(world: World, at: int) -> None:
    """Let no sharing code of a resident be good any more."""
    for code in world.codes:
        code.used = code.used or world.top(code.entry) == at


def end_acting_for(world: World, at: int) -> None:
    """Let nobody act for a resident any more."""
    for one in world.delegations:
        one.ended = one.ended or world.top(one.subject) == at


def change(world: World, at: int, state: str) -> None:
    """Let a resident die, move away or be here, with all that follows."""
    world.entries[at].state = state
    if state in (DEAD, MOVED):
        world.end_consents(at, ("share", "store") if state == DEAD else ("share",))
        withdraw_codes(world, at)
    if state == DEAD:
        for one in world.delegations:
            one.ended = one.ended or at in (world.top(one.subject), world.top(one.guardian))


def _hand_over_records(world: World, undone: Merge, written: dict[str, Held]) -> None:
    one, other = world.entries[undone.survivor], world.entries[undone.double]
    for item, held in written.items():
        before = world.held(undone.double, item)
        version = 1 + (before.version if before else 0)
        other.held[item] = Held(held.value, version, world.place(undone.double, item), world.next())
        if item not in undone.versions:
            del one.held[item]


def _hand_over_decisions(one: Entry, other: Entry, since: int) -> None:
    for key, made in one.log.items():
        other.log.setdefault(key, []).extend(decided for decided in made if decided.order > since)
        one.log[key] = [decided for decided in made if decided.order < since]


def _restore_names(world: World, undone: Merge, *, to_double: bool) -> None:
    one, other = world.entries[undone.survivor], world.entries[undone.double]
    for service, names in one.names.items():
        own = other.names.setdefault(service, [])
        if to_double and all(name.ended is not None for name in own):
            own += [name for name in names if name.order > undone.order]
            one.names[service] = [name for name in names if name.order < undone.order]
    for number in (*world.family(undone.survivor), *world.family(undone.double)):
        for names in world.entries[number].names.values():
            for name in names:
                ended_since = name.ended is not None and name.ended >= undone.at + GRACE
                if ended_since and name.order < undone.order and all(one.ended is not None for one in names):
                    name.ended = None


def _stand(world: World, undone: Merge, now: tuple[str, bool], *, to_double: bool) -> None:
    """Give each its own state back; what changed since goes to one, protection that was given to both."""
    states = [undone.stood[0], undone.double_stood[0]]
    protected = [undone.stood[1], undone.double_stood[1]]
    gainer = 1 if to_double else 0
    if now[0] != undone.stood[0]:
        states[gainer] = now[0]
    if now[1] and not any(protected):
        protected = [True, True]
    elif not now[1]:
        protected[gainer] = False
    before = (now, undone.double_stood)
    for number, state, hidden, old in zip(
        (undone.survivor, undone.double), states, protected, before, strict=True
    ):
        world.entries[number].protected = hidden
        world.entries[number].state = state
        if state != old[0]:
            change(world, number, state)
        if hidden and not old[1]:
            end_acting_for(world, number)
