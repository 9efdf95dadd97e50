"""All drills: what is broken, and the alerts that this has to set off."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.drills import backups, mails, processes, servers
from tests.drills.site import Site


@dataclass(frozen=True)
class Drill:
    """``broken(site)`` breaks something, and mends it at its end."""

    broken: Callable[[Site], AbstractContextManager[None]]
    proves: tuple[str, ...]
    without: tuple[str, ...] = ()
    """Alerts that must not fire meanwhile: what is broken is less than they tell of."""

    @property
    def name(self) -> str:
        """What is broken, in words."""
        return self.broken.__name__.replace("_s_", "'s_").replace("_", " ")


# The first needs that most of the answers of the last twelve minutes were slow.
DRILLS = (
    Drill(servers.mongodb_slow, ("LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly")),
    Drill(processes.service_gone, ("ServiceDown", "InstanceDown", "ErrorRate", "BreakerOpen")),
    Drill(processes.instance_silent, ("InstanceDown",), without=("ServiceDown",)),
    Drill(processes.dying_again_and_again, ("InstanceRestarts",)),
    Drill(processes.event_loop_late, ("HubLag",)),
    Drill(processes.files_used_up, ("FilesNearlyExhausted",)),
    Drill(processes.passwords_guessed, ("ManyFailedLogins",)),
    Drill(processes.certificate_old, ("CertificateExpires",)),
    Drill(processes.secret_old, ("SecretOld",)),
    Drill(mails.nobody_sends, ("QueueWithoutConsumer", "QueueAge", "MessagesStuck")),
    Drill(mails.mail_server_gone, ("BreakerOpen", "QueueAge"), without=("ServiceDown",)),
    Drill(mails.mail_server_slow, ("PoolExhausted",)),
    Drill(mails.mails_refused, ("DeadLetters",)),
    Drill(servers.broker_gone, ("BrokerDown", "BrokerUnreachable", "OutboxLag", "RevocationsUnknown")),
    Drill(servers.broker_without_memory, ("BrokerMemoryAlarm", "BrokerBlocksPublishers")),
    Drill(servers.broker_s_disk_low, ("BrokerDiskLow",), without=("BrokerDiskAlarm",)),
    Drill(servers.broker_s_disk_full, ("BrokerDiskAlarm", "BrokerBlocksPublishers")),
    Drill(servers.mongodb_gone, ("DatabaseDown", "ErrorRate")),
    Drill(servers.postgresql_gone, ("DatabaseDown", "ErrorRate")),
    Drill(servers.limits_uncounted, ("RateLimitsUnchecked",), without=("ErrorRate",)),
    Drill(backups.backups_stopped, ("BackupOld",)),
)
