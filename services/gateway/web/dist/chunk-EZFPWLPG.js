import{_ as t,ja as e}from"./chunk-KG6KJREB.js";function m(i){let r=t(e);return o=>{r.destroyed||i.emit(o)}}export{m as a};
