"""Is a Prefect server there? Asked before anything waits for one."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request

from foundation.errors import ServerUnavailable

ANSWER_SECONDS = 8.0
START = "start one with `prefect server start`"


def check_api(url: str, *, otherwise: str = "") -> None:
    """Ask the Prefect API at ``url`` for a sign of life; nothing of Prefect is imported for it.

    Parameters
    ----------
    otherwise : what else the user may do, added to the advice

    Raises
    ------
    ServerUnavailable
        When nothing that looks like a Prefect API answers within 8 seconds, whatever it hangs in.
    """
    said: list[str | None] = []
    # A thread that is left behind when it hangs: looking up a name knows no timeout.
    asking = threading.Thread(target=lambda: said.append(_what_is_wrong(url)), daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    what = said[0] if said else f"no answer within {ANSWER_SECONDS:.0f} s"
    if what is not None:
        raise ServerUnavailable(address=url, what=what, fix=f"{START}, or correct PREFECT_API_URL{otherwise}")


def _what_is_wrong(url: str) -> str | None:
    # Certificates are Prefect's own client's business, with its own settings; nothing secret is said here.
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting))
    try:
        with opener.open(f"{url.rstrip('/')}/health", timeout=ANSWER_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        with error:
            # One that wants to know who asks is there; Prefect's own client will tell it.
            return None if error.code in (401, 403) else f"something that is not Prefect answers, HTTP {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
    except Exception as error:  # http.client's complaints about what is no HTTP at all
        return f"something that is not Prefect answers ({type(error).__name__})"
