"""All pages of staff."""

from typing import Final

from personal.staff.audit import AuditPages
from personal.staff.break_glass import BreakGlassPages
from personal.staff.cards import CardPages
from personal.staff.catalogue import CataloguePages
from personal.staff.consents import ConsentPages
from personal.staff.deadlines import DeadlinePages
from personal.staff.desks import DeskPages
from personal.staff.duties import DutyPages
from personal.staff.emergencies import ConcernedPages, EmergencyPages
from personal.staff.items import ItemPages
from personal.staff.members import MemberPages
from personal.staff.names import NamePages
from personal.staff.offices import OfficePages
from personal.staff.overview import OverviewPages
from personal.staff.peers import PeerPages
from personal.staff.proposals import ProposalPages
from personal.staff.records import RecordPages
from personal.staff.relations import RelationPages
from personal.staff.requests import RequestPages
from personal.staff.residents import ResidentPages
from personal.staff.rights import RightsPages

PAGES: Final = (
    OverviewPages,
    CardPages,
    ResidentPages,
    RecordPages,
    ConsentPages,
    RelationPages,
    NamePages,
    ConcernedPages,
    RequestPages,
    BreakGlassPages,
    CataloguePages,
    ProposalPages,
    ItemPages,
    PeerPages,
    EmergencyPages,
    RightsPages,
    DutyPages,
    DeadlinePages,
    MemberPages,
    DeskPages,
    OfficePages,
    AuditPages,
)
