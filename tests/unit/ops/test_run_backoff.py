from ops.runner.backoff import LONGEST_SECONDS, RestartDelay


def test_the_delay_doubles_up_to_its_longest():
    delay = RestartDelay()
    assert [delay.after(uptime=1) for _ in range(7)] == [0.5, 1, 2, 4, 8, LONGEST_SECONDS, LONGEST_SECONDS]


def test_a_service_that_stayed_up_begins_anew():
    delay = RestartDelay()
    for _ in range(5):
        delay.after(uptime=1)
    assert delay.after(uptime=30) == 0.5
    assert delay.after(uptime=1) == 1
