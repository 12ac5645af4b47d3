"""The world of ``oifde-exporter demo``: four tenants in three time zones, their bots and their incidents."""

from typing import Final
from zoneinfo import ZoneInfo

import yaml

from exporter.clock import Clock
from exporter.simulator.accounts import Account
from exporter.simulator.characters import DAY, HOUR, OFFICE_HOURS, Habits, Incident, SimBot, SimTenant, Trouble, opening
from exporter.simulator.faults import Delay, ErrorCode, Faults, HttpStatus
from exporter.simulator.server import Simulator, default_secret
from exporter.simulator.world import SimulatedWorld

TOKEN_LIFETIME: Final = 300.0
"""Seconds; short, so that a demo shows logins."""

_SEED: Final = 20210813
_NEW_YEAR: Final = frozenset({(1, 1)})
_HEADER_USER: Final = "ipcc"

# Every six hours, so that there is always one in the recent past when the demo starts.
_AUTONOMY_DROP: Final = Incident(
    start=HOUR, end=3 * HOUR, trouble=Trouble.AUTONOMY, size=0.35, ramp=HOUR / 4, every=6 * HOUR
)
_INTERFACE_TROUBLE: Final = Incident(
    start=9 * HOUR, end=11 * HOUR, trouble=Trouble.INTERFACES, size=0.4, ramp=HOUR / 2, every=DAY
)
_CAMPAIGN: Final = Incident(start=4 * DAY, end=4.5 * DAY, trouble=Trouble.SURGE, size=1.5, ramp=2 * HOUR, every=7 * DAY)

TENANTS: Final = (
    SimTenant(
        "202104237142",
        (
            SimBot("943370855474270208", "账单助手", calls_per_hour=140, growth_per_week=0.002),
            SimBot("943370855474270311", "信用卡中心", calls_per_hour=60, autonomy=0.72, incidents=(_AUTONOMY_DROP,)),
            SimBot("943370855474270427", "夜间值班", calls_per_hour=18, profile=opening(21, 7), weekend=1.2),
            SimBot("943370855474270592", "贷款回访", calls_per_hour=25, profile=OFFICE_HOURS, weekend=0, dialog_type=2),
        ),
        name="东方银行",
    ),
    SimTenant(
        "202206018301",
        (
            SimBot(
                "951204418820734976",
                "Recharge helper",
                calls_per_hour=220,
                autonomy=0.81,
                interface_requests=1.4,
                incidents=(_INTERFACE_TROUBLE, _CAMPAIGN),
            ),
            SimBot("951204418820735104", "Complaints", calls_per_hour=45, autonomy=0.38, leaving=0.15),
            SimBot("951204418820735233", "SIM activation", calls_per_hour=30, profile=OFFICE_HOURS, source="IVR"),
        ),
        name="Monsoon Telecom",
        timezone=ZoneInfo("Asia/Kolkata"),
    ),
    SimTenant(
        "202303159920",
        (
            SimBot("968815203377160192", "Agendamento", calls_per_hour=55, profile=OFFICE_HOURS, weekend=0.1),
            SimBot("968815203377160320", "Resultados de exames", calls_per_hour=32, interface_requests=1.0),
            SimBot("968815203377160448", "Farmácia 24h", calls_per_hour=9, weekend=1.0, autonomy=0.55),
        ),
        name="Clínica Vida",
        timezone=ZoneInfo("America/Sao_Paulo"),
    ),
    SimTenant(
        "202401017788",
        (
            SimBot("979001245180837888", "政务热线", calls_per_hour=90, profile=OFFICE_HOURS, holidays=_NEW_YEAR),
            SimBot("979001245180838016", "停车缴费", calls_per_hour=12, profile=opening(7, 23), weekend=1.4),
            SimBot("979001245180838144", "公园预约", calls_per_hour=0.3, interface_requests=0, source="IVR"),
            SimBot("979001245180838272", "测试-新流程", calls_per_hour=2),
        ),
        name="城市服务",
    ),
)
_TEAMS: Final = {"东方银行": "retail", "Monsoon Telecom": "care", "Clínica Vida": "front-desk"}
_DISCOVERED: Final = {"城市服务": {"interval": "1m", "include": ".*", "exclude": "测试-.*"}}
"""The tenants whose bots are not configured but discovered, and how."""
_HEADER_TENANT: Final = "202401017788"
_FAILING_BOT: Final = "968815203377160320"


def make_demo_simulator(clock: Clock, *, port: int = 0) -> Simulator:
    """Create the demo's platform without starting it; ``port`` 0 is any free port."""
    faults = Faults(_SEED)
    # For a few minutes of each hour one bot's report fails, so that oifde_up changes.
    faults.add(ErrorCode(10000001, "internal error"), access_code=_FAILING_BOT, when=_is_out_of_order)
    faults.add(HttpStatus(503, {"Retry-After": "1"}), operation="query_call_statistics", probability=0.01)
    faults.add(Delay(0.4), probability=0.08)
    return Simulator(
        SimulatedWorld(_SEED, TENANTS, Habits(late=0.08)),
        clock=clock,
        accounts=[
            Account(
                tenant.tenant_id,
                default_secret(tenant.tenant_id),
                app_key=_HEADER_USER if tenant.tenant_id == _HEADER_TENANT else tenant.tenant_id,
                header_user=_HEADER_USER,
            )
            for tenant in TENANTS
        ],
        faults=faults,
        port=port,
        token_lifetime=TOKEN_LIFETIME,
        single_token=True,
    )


def make_demo_config(port: int) -> str:
    """Return the exporter's configuration for the demo's platform at that port of this machine, as YAML."""
    config = {
        "poll_interval": "15s",
        "platforms": [
            {"name": "demo", "url": f"http://127.0.0.1:{port}", "tenants": [_configure_tenant(one) for one in TENANTS]}
        ],
    }
    return yaml.safe_dump(config, allow_unicode=True, sort_keys=False)


def _configure_tenant(tenant: SimTenant) -> dict[str, object]:
    auth = {"app_secret": default_secret(tenant.tenant_id)}
    if tenant.tenant_id == _HEADER_TENANT:
        auth["header_user"] = _HEADER_USER
    config = {
        "tenant_id": tenant.tenant_id,
        "name": tenant.name,
        "timezone": tenant.timezone.key,
        "auth": auth,
    }
    if tenant.name in _DISCOVERED:
        return {**config, "discovery": _DISCOVERED[tenant.name]}
    bots = [
        {"access_code": bot.access_code, "name": bot.name, "labels": {"team": _TEAMS[tenant.name]}}
        for bot in tenant.bots
    ]
    return {**config, "bots": bots}


def _is_out_of_order(now: float) -> bool:
    return 20 * 60 <= now % HOUR < 24 * 60
