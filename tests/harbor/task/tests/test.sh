#!/bin/bash
[ "$(cat greeting.txt)" = Hello ] && reward=1 || reward=0
echo $reward > /logs/verifier/reward.txt
